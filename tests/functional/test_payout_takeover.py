"""A machine that is lost with its journal: another one takes over what it reserved."""

import json
import os
import shutil
import tempfile

from lib.payer import Payer
from lib.wait import wait_until
from test_payout import PayoutTest


class TakesOver(PayoutTest):
    def other_machine(self):
        """A payer with a data directory and a name of its own, on the same Redis."""
        folder = tempfile.mkdtemp(prefix="kariz-other-")
        self.addCleanup(shutil.rmtree, folder, True)
        with open(self.karizd.config) as f:
            settings = json.load(f)
        socket = os.path.join(self.karizd.folder, settings.get("data_dir", "data"),
                              "redis/redis.sock")
        settings.update(data_dir=folder, instance="other", redis="unix://" + socket)
        config = os.path.join(folder, "kariz.json")
        with open(config, "w") as f:
            json.dump(settings, f)
        return Payer(folder, config)

    def reserve_and_die(self):
        self.payer.extra = {"KARIZ_FAULT": "settled:1"}
        self.assertEqual(self.payer.try_run("run")[0], -9)
        self.payer.extra = {}

    def test_what_it_reserved_is_adopted_and_paid_once(self):
        self.earn()
        owed = self.ledger.balances("mature")
        self.reserve_and_die()
        other = self.other_machine()
        wait_until(lambda: other.try_run("follow")[0] == 0)
        said = other.run("run", expect=4)
        self.assertIn("taken over from another journal", said)
        said = other.run("run", expect=4)  # the same height proves nothing new
        self.assertIn("taken over from another journal", said)
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "reserved")
        self.node.generate(1)
        other.run("run", expect=3)  # proved: and nobody is due anything
        other.run("adopt", payout["id"])
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "broadcast")
        self.node.generate(2)
        # The lost one comes back: it finds its payout paid, and pays nothing.
        self.payer.run("run", expect=3)
        (payout,) = self.payer.payouts()
        self.assertEqual(payout["state"], "confirmed")
        shown = self.payer.ask("show", payout["txid"])
        self.assertEqual({r["miner"]: r["paid"] for r in shown["recipients"]}, owed)
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()
        self.assertIn("journal", other.run("adopt", payout["id"], expect=1))


class Warns(PayoutTest):
    def more(self):
        return {}  # the demo address, of nobody's wallet

    def test_a_coinbase_that_pays_another_wallet_is_said_before_it_matters(self):
        self.assertIn("not among the wallet's", self.payer.ask("plan")["warning"])
        self.assertIn("WARNING: ", self.payer.run("plan"))
        self.assertIn("warning: ", self.payer.run("run", expect=3))
