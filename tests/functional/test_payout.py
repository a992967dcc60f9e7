"""From balances to confirmed transactions, on a real node."""

import json
import re
import shutil
import tempfile

from lib import bitcoin, signing
from lib.faults import Connection
from lib.karizd import Refused
from lib.payer import Payer, make_key
from lib.wait import wait_until
from test_accounts import AccountsTest

TAPROOT_SIGNATURE = 64  # bytes, of hash type DEFAULT


class PayoutTest(AccountsTest):
    """A pool whose coinbases pay a key of ours, and miners with mature balances."""

    kind = "wpkh"
    miners = ("alice", "bob", "carol")
    work = {"alice": 4, "bob": 2, "carol": 1}  # shares; whoever has none finds the blocks
    addresses_of = {}  # miner: where to be paid, unless at its demo address
    rate = 5000  # satoshi per kvB; regtest's nodes have no estimate
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
        payout = {"fee": {"fallback": self.rate}, "wallet": {"key_file": self.key},
                  "confirmations": 2, "lease_seconds": 2, "takeover_seconds": 1,
                  **(payout or {})}
        return super().start_karizd(*args, payout=payout, **settings)

    @classmethod
    def register_all(cls, karizd):
        for miner in cls.miners:
            karizd.register(miner, addresses=[cls.address_of(miner)])

    @classmethod
    def address_of(cls, miner):
        return cls.addresses_of.get(miner) or bitcoin.demo_address(miner)

    def set_payout(self, **changes):
        """For kariz-payout alone: it reads the settings at each start."""
        self.karizd.write_settings(payout=changes)

    def earn(self, blocks=1):
        """Mature balances: alice has twice what bob has, carol a little."""
        self.wait_job()
        for miner, count in self.work.items():
            self.shares(miner + ".rig", count)
        found = [self.find_next(self.miners[-1]) for _ in range(blocks)]
        for block_hash in found:
            self.wait_state(block_hash, "accepted")
        self.node.generate(100)
        for block_hash in found:
            self.wait_state(block_hash, "mature")
        return found

    def wait_job(self):
        wait_until(lambda: self.karizd.status()["height"] == self.node.height + 1, 20,
                   "a job on the tip")

    def find_next(self, miner):
        """On the tip, not beside it."""
        self.wait_job()
        return self.find_block(miner + ".rig")

    def broadcast(self):
        """The one that is under way."""
        (payout,) = [o for o in self.payer.ask("list", "--open") if o["state"] == "broadcast"]
        return payout

    def confirm(self, count=2):
        self.node.generate(count)
        self.payer.run("follow")

    def send(self):
        """Runs, and gets what was sent into the chain."""
        self.payer.run("run")
        payout = self.broadcast()
        self.assertIn(payout["txid"], self.node.mempool())
        self.confirm()
        return payout

    def pay(self):
        """One payout: signed, confirmed, and looked at from outside."""
        owed = self.ledger.balances("mature")
        payout = self.payer.ask("show", self.send()["txid"])
        self.assertEqual(payout["state"], "confirmed")
        left = self.ledger.balances("mature")
        due = {r["miner"]: r["due"] for r in payout["recipients"]}
        self.assertEqual({**left, **due}, owed)
        self.check_transaction(payout)
        self.check_ledger()
        return payout

    # --- the transaction, as the node has it ---

    def transaction(self, payout):
        txs = self.node.block(payout["block"]).txs
        (tx,) = [t for t in txs if bitcoin.display(t.txid()) == payout["txid"]]
        return tx

    def spent_by(self, tx):
        """[(value, script)] of its inputs, from the chain."""
        made, height = {}, self.node.height
        while not all(prev in made for prev, _, _, _ in tx.inputs):
            made.update((t.txid(), t.outputs) for t in self.node.block_at(height).txs)
            height -= 1
        return [made[prev][index] for prev, index, _, _ in tx.inputs]

    def check_transaction(self, payout):
        tx = self.transaction(payout)
        spent = self.spent_by(tx)
        coins = [(bitcoin.from_display(c["coin"].split(":")[0]), int(c["coin"].split(":")[1]))
                 for c in payout["coins"]]
        self.assertEqual([(prev, index) for prev, index, _, _ in tx.inputs], coins)
        self.assertEqual([c["sat"] for c in payout["coins"]], [v for v, _ in spent])
        to = [(value, signing.address_of_script(script)) for value, script in tx.outputs]
        for r in payout["recipients"]:
            self.assertEqual(r["address"], self.address_of(r["miner"]))
            self.assertEqual(to[r["vout"]], (r["paid"], r["address"]))
        change = set(range(len(to))) - {r["vout"] for r in payout["recipients"]}
        self.assertLessEqual(len(change), 1)
        for vout in change:
            self.assertIn(to[vout][1], self.addresses["change"])
        fee = sum(v for v, _ in spent) - sum(v for v, _ in to)
        self.assertEqual(payout["fee"], fee)
        self.check_rate(tx, fee)
        return tx, spent

    def check_rate(self, tx, fee):
        """Within one per cent of what was asked for."""
        vsize = -(-(3 * len(tx.bytes(with_witness=False)) + len(tx.bytes())) // 4)
        self.assertLessEqual(abs(fee * 1000 - self.rate * vsize) * 100, self.rate * vsize)

    def check_statement(self, recipient, txid):
        statement = self.karizd.ask("statement", recipient["miner"])
        self.check_paid_line(statement, recipient, txid)
        return statement

    def check_paid_line(self, statement, recipient, txid):
        """It names the output that paid."""
        self.assertIs(statement["sound"], True)
        (line,) = [x for x in statement["lines"] if x["reference"] == txid]
        self.assertEqual((line["term"], line["vout"], line["output"], -line["change"]),
                         ("paid", recipient["vout"], recipient["paid"], recipient["due"]))


class SeveralTransactions(PayoutTest):
    miners = ("alice", "bob", "carol", "dave", "erin")
    work = {"alice": 2, "bob": 2, "carol": 2, "dave": 2, "erin": 2}
    payout = {"fee_percent": 30, "window": 1000, "minimum": 1000, "outputs": 3}

    def test_one_run_pays_all_by_transactions_of_their_own_and_shows_how_far_it_is(self):
        self.earn(blocks=12)
        owed = self.ledger.balances("mature")
        status, shown = self.payer.run_on_terminal("run")
        self.assertEqual((status, re.findall(r"(\d of \d) sent", shown)),
                         (0, ["1 of 3", "2 of 3", "3 of 3"]), shown)
        sent = self.payer.ask("list", "--open")
        self.assertEqual([o["state"] for o in sent], ["broadcast"] * 3)
        self.assertEqual(set(self.node.mempool()), {o["txid"] for o in sent})
        self.confirm()
        shown = [self.payer.ask("show", o["txid"]) for o in sent]
        self.assertEqual({r["miner"]: r["paid"] for o in shown for r in o["recipients"]}, owed)
        self.assertEqual(sorted(len(o["recipients"]) for o in shown), [1, 2, 2])
        coins = [c["coin"] for o in shown for c in o["coins"]]
        self.assertEqual(len(coins), len(set(coins)))
        for payout in shown:
            self.check_transaction(payout)
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()


class Pays(PayoutTest):
    def test_balances_become_a_confirmed_transaction_and_statements(self):
        (found,) = self.earn()
        owed = self.ledger.balances("mature")
        self.assertEqual(set(owed), {"alice", "bob", "carol"})
        plan = self.payer.ask("plan")
        self.assertEqual(plan["due"], sum(owed.values()))
        payout = self.pay()
        self.assertEqual(self.ledger.balances("mature"), {})
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]}, owed)
        self.check_karizctl(payout, found)
        for recipient in payout["recipients"]:
            statement = self.check_statement(recipient, payout["txid"])
            self.assertEqual((statement["paid"], statement["end"]),
                             (owed[recipient["miner"]], 0))
        self.assertIn("confirmed", self.payer.run("list"))
        self.assertIn(payout["txid"], self.payer.run("show", payout["id"]))
        status, _, why = self.payer.try_run("run")
        self.assertEqual((status, "nobody can be paid now" in why), (3, True), why)
        self.assertEqual(len(self.payer.payouts()), 1)

    def check_karizctl(self, payout, found):
        shown = self.karizd.ask("payout", "show", payout["txid"])
        self.assertEqual((shown["id"], shown["state"]), (payout["id"], "confirmed"))
        self.assertEqual(self.karizd.ask("payout", "list"), self.payer.payouts())
        self.assertIn(payout["id"], self.karizd.ctl("payout", "list"))
        with self.assertRaises(Refused) as caught:
            self.karizd.ctl("payout", "show", "no-such")
        self.assertIn("there is no payout no-such", str(caught.exception))
        pays = self.karizd.ask("statement", "alice")["pays"]
        self.assertEqual([(p["block"], p["transaction"]) for p in pays],
                         [(found, payout["txid"])])


class Types:
    """To each type of output, from one type of coin."""

    addresses_of = {kind: signing.address_of_script(signing.demo_script(kind, kind))
                    for kind in signing.KINDS}
    miners = signing.KINDS
    work = {"p2pkh": 3, "p2sh": 2, "p2wpkh": 2, "p2wsh": 1}
    # So large that the change of a block is worth more than a later block, after a halving.
    payout = {"fee_percent": 52, "window": 1000, "minimum": 1000}

    def test_each_type_of_output_is_paid_from_a_coinbase_and_then_from_change(self):
        receive, change = self.addresses["receive"][0], self.addresses["change"][0]
        for blocks, coins in ((1, [receive]), (3, [change, receive])):
            self.earn(blocks)
            owed = self.ledger.balances("mature")
            self.assertEqual(set(owed), set(signing.KINDS))
            payout = self.pay()
            self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]}, owed)
            tx = self.transaction(payout)
            spent = self.spent_by(tx)
            self.assertEqual(sorted(signing.address_of_script(s) for _, s in spent), sorted(coins))
            for i, (_, script) in enumerate(spent):
                self.check_input(tx, i, spent, script)
            for recipient in payout["recipients"]:
                self.check_statement(recipient, payout["txid"])
        self.assertEqual(self.ledger.balances("mature"), {})


class FromWpkh(Types, PayoutTest):
    def check_input(self, tx, i, spent, script):
        self.assertEqual((script[:2], tx.inputs[i][2]), (b"\x00\x14", b""))


class FromPkh(Types, PayoutTest):
    kind = "pkh"

    def check_input(self, tx, i, spent, script):
        self.assertEqual((script[:3], tx.witness[i]), (b"\x76\xa9\x14", []))


class FromNested(Types, PayoutTest):
    kind = "sh-wpkh"

    def check_input(self, tx, i, spent, script):
        self.assertEqual((script[:2], len(tx.inputs[i][2])), (b"\xa9\x14", 23))
        self.assertEqual(len(tx.witness[i]), 2)


class FromTaproot(Types, PayoutTest):
    """Not each node checks these signatures, so the test does. One without taproot's rules
    does not relay what spends such coins, and says nothing about it: a miner who knows
    better takes it into a block."""

    kind = "tr"

    def confirm(self, count=2):
        payout = self.broadcast()
        if payout["txid"] not in self.node.mempool():
            self.node.generate_with(self.kept(payout["id"]))
            count -= 1
        super().confirm(count)

    def send(self):
        self.payer.run("run")
        payout = self.broadcast()
        self.confirm()
        return payout

    def kept(self, payout_id):
        with Connection(self.ledger.path) as c:
            version = json.loads(c.hash("po:{ledger}:" + payout_id)[b"v0"])
        return bitcoin.Tx.read(bitcoin.Reader(bytes.fromhex(version["raw"])))

    def check_input(self, tx, i, spent, script):
        self.assertEqual((script[:2], tx.inputs[i][2]), (b"\x51\x20", b""))
        (signature,) = tx.witness[i]
        self.assertEqual(len(signature), TAPROOT_SIGNATURE)
        digest = signing.taproot_digest(tx, i, spent)
        self.assertTrue(signing.schnorr_verify(script[2:], digest, signature))
