"""A backup is all that is left: what was paid since is read from the chain."""

import os
import shutil
import tempfile

from lib.faults import Connection
from lib.payer import PayerFailed
from test_payout import PayoutTest


class Recovers(PayoutTest):
    def back_up(self):
        """Redis and the payer's journal as they are now."""
        self.karizd.stop()
        kept = tempfile.mkdtemp(prefix="kariz-backup-")
        self.addCleanup(shutil.rmtree, kept, True)
        for name in ("redis", "payout"):
            path = os.path.join(self.karizd.settings["data_dir"], name)
            if os.path.exists(path):
                shutil.copytree(path, os.path.join(kept, name),
                                ignore=shutil.ignore_patterns("*.sock"))
        self.karizd.start()
        return kept

    def restore(self, kept):
        self.karizd.stop()
        for name in ("redis", "payout"):
            path = os.path.join(self.karizd.settings["data_dir"], name)
            shutil.rmtree(path, ignore_errors=True)
            if os.path.exists(os.path.join(kept, name)):
                shutil.copytree(os.path.join(kept, name), path)
        self.karizd.start()

    def paid(self):
        return {p["txid"]: p["state"] for p in self.payer.payouts()}

    def test_payouts_that_only_the_chain_knows_are_booked_and_not_paid_again(self):
        self.earn()
        self.payer.run("run")
        self.confirm()
        first = set(self.paid())
        self.earn()
        kept = self.back_up()
        owed = self.ledger.balances("mature")
        # Two payouts, of which the second spends the change of the first.
        self.payer.run("run")
        self.confirm()
        lost = set(self.paid()) - first
        self.assertEqual(len(lost), 1)
        self.restore(kept)
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.assertEqual(set(self.paid()), first)

        refused = self.payer.run("run", expect=1)
        self.assertEqual(len(refused.splitlines()), 1, refused)
        self.assertIn("spent", refused)
        self.assertEqual(set(self.paid()), first)
        self.assertIn("--yes", self.payer.run("recover", expect=2))

        self.payer.run("recover", "--yes")
        self.assertEqual(self.paid(), {**dict.fromkeys(first, "final"),
                                       **dict.fromkeys(lost, "confirmed")})
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()
        self.payer.run("run", expect=3)
        self.payer.run("recover", "--yes", expect=3)
        statement = self.karizd.ask("statement", "alice")
        self.assertTrue(statement["sound"])
        self.assertEqual({line["reference"] for line in statement["lines"]
                          if line["kind"] == "payout_confirmed"}, first | lost)
        # Its change is a coin like any other.
        self.earn()
        self.payer.run("run")
        self.confirm()
        self.check_ledger()

    def test_an_output_to_a_stranger_stops_it(self):
        self.earn()
        kept = self.back_up()
        self.payer.run("run")
        self.confirm()
        self.restore(kept)
        # Bob's address is in no record any more.
        with self.assertRaises(PayerFailed) as caught:
            with self.unregistered("bob"):
                self.payer.run("recover", "--yes")
        self.assertIn("pays nobody who is registered", caught.exception.said)
        self.payer.run("recover", "--yes")
        self.check_ledger()

    def unregistered(self, miner):
        return Without(self, miner)


class Without:
    """A miner's record taken out of Redis, and put back."""

    def __init__(self, test, miner):
        self.test, self.miner = test, miner

    def __enter__(self):
        self.record = self.call("HGET", "miners:{registry}", self.miner)
        self.call("HDEL", "miners:{registry}", self.miner)

    def __exit__(self, *_):
        self.call("HSET", "miners:{registry}", self.miner, self.record)

    def call(self, *words):
        with Connection(self.test.ledger.path) as c:
            return c.call(*words)
