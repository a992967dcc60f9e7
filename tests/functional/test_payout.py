"""From balances to confirmed transactions, on a real node."""

import shutil
import tempfile

from lib import bitcoin
from lib.karizd import Refused
from lib.payer import Payer, make_key
from test_accounts import AccountsTest


class PayoutTest(AccountsTest):
    """A pool whose coinbases pay a key of ours, and miners with mature balances."""

    kind = "wpkh"
    miners = ("alice", "bob", "carol")
    payout = {"fee_percent": 1, "window": 1000, "minimum": 1000}

    def setUp(self):
        self.keys = tempfile.mkdtemp(prefix="kariz-key-")
        self.addCleanup(shutil.rmtree, self.keys, True)
        self.key, self.addresses = make_key(self.keys, self.kind)
        super().setUp()
        self.payer = Payer(self.karizd.folder, self.karizd.config)

    def more(self):
        return {"coinbase": {"address": self.addresses["receive"][0]}}

    def start_karizd(self, *args, payout=None, **settings):
        payout = {**(payout or {}), "wallet": {"key_file": self.key},
                  "confirmations": 2, "lease_seconds": 2, "takeover_seconds": 1}
        return super().start_karizd(*args, payout=payout, **settings)

    def earn(self, blocks=1):
        """Mature balances: alice has twice what bob has, carol a little."""
        for login, count in (("alice.rig", 4), ("bob.rig", 2), ("carol.rig", 1)):
            self.shares(login, count)
        found = [self.find_block("carol.rig") for _ in range(blocks)]
        for block_hash in found:
            self.wait_state(block_hash, "accepted")
        self.node.generate(100)
        for block_hash in found:
            self.wait_state(block_hash, "mature")
        return found

    def confirm(self, count=2):
        self.node.generate(count)
        self.payer.run("follow")

    def paid_on_chain(self, address):
        """Satoshis of confirmed outputs to an address, by walking the chain."""
        script = self.script_of(address)
        total = 0
        for height in range(1, self.node.height + 1):
            for tx in self.node.block_at(height).txs:
                total += sum(v for v, s in tx.outputs if s == script)
        return total

    def script_of(self, address):
        return bitcoin.segwit_script(bitcoin.demo_program(address))


class Pays(PayoutTest):
    def test_balances_become_a_confirmed_transaction_and_statements(self):
        (found,) = self.earn()
        owed = self.ledger.balances("mature")
        self.assertEqual(set(owed), {"alice", "bob", "carol"})
        plan = self.payer.ask("plan")
        self.assertEqual(plan["due"], sum(owed.values()))
        self.payer.run("run")
        self.assertEqual(self.ledger.balances("mature"), {})
        (payout,) = self.payer.payouts()
        self.assertEqual(payout["state"], "broadcast")
        self.assertIn(payout["txid"], self.node.mempool())
        self.confirm(2)
        (payout,) = self.payer.payouts()
        self.assertEqual(payout["state"], "confirmed")
        self.check_ledger()
        shown = self.payer.ask("show", payout["txid"])
        self.assertEqual({r["miner"]: r["paid"] for r in shown["recipients"]}, owed)
        self.assertEqual(self.karizd.ask("payout", "show", payout["txid"]), shown)
        self.assertEqual(self.karizd.ask("payout", "list"), self.payer.payouts())
        self.assertIn(payout["id"], self.karizd.ctl("payout", "list"))
        with self.assertRaises(Refused) as caught:
            self.karizd.ctl("payout", "show", "no-such")
        self.assertIn("there is no payout no-such", str(caught.exception))
        statement = self.karizd.ask("statement", "alice")
        self.assertEqual([(x["block"], x["sat"]) for x in statement["pays"]],
                         [(found, owed["alice"])])
        self.assertEqual(statement["pays"][0]["transaction"], payout["txid"])
