"""What the chain does to payouts: fees, lost and replaced transactions, strangers,
reorganisations; and payouts called off.

Blocks are made by the test (Node.mine), so it says which transactions confirm, and in which
chain. So the tests are the same on a node that replaces nothing in its mempool (bcoin): what
a miner elsewhere took counts there too.
"""

import json
import os
import shutil
import signal
import tempfile

from lib import bitcoin, hdkeys, signing
from lib.faults import Connection
from lib.payer import Payer, make_key
from lib.wait import wait_until
from test_accounts import Ledger
from test_payout import PayoutTest

SEED = bytes(range(32))
H = hdkeys.HARDENED
RECEIVE = (84 + H, 1 + H, H, 0, 0)  # of BIP84: what the coinbases pay
CONFIRMATIONS = 2
CANCEL_CONFIRMATIONS = 6
UNDER_WAY = ("signed", "broadcast")


class ChainTest(PayoutTest):
    """A pool a class; each test begins by earning, and ends with nothing under way."""

    own_karizd = False
    fees = {"bump_after": 0}
    fee_percent = 1

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp(prefix="kariz-key-")
        cls.addClassCleanup(shutil.rmtree, cls.keys, True)
        wallet = cls.make_wallet()
        cls.settings = {
            "coinbase": {"address": cls.addresses["receive"][0]},
            "payout": {"fee_percent": cls.fee_percent, "window": 1000, "minimum": 1000,
                       "wallet": wallet, "confirmations": CONFIRMATIONS,
                       "lease_seconds": 2, "takeover_seconds": 1, "fee": cls.fees}}
        super().setUpClass()
        cls.payer = Payer(cls.karizd.folder, cls.karizd.config)
        cls.ledger = Ledger(cls.karizd)

    @classmethod
    def make_wallet(cls):
        """Of the settings; and cls.addresses."""
        key, cls.addresses = make_key(cls.keys, cls.kind, seed=SEED)
        return {"key_file": key}

    def setUp(self):
        self.payer.extra = {}

    # --- asking ---

    def show(self, payout):
        return self.payer.ask("show", payout)

    def state(self, payout):
        return self.show(payout)["state"]

    def raw(self, payout, version):
        """The bytes of a version, in hex."""
        with Connection(self.ledger.path) as c:
            return json.loads(c.hash("po:{ledger}:" + payout)[b"v%d" % version])["raw"]

    def tx(self, payout, version):
        return bitcoin.Tx.read(bitcoin.Reader(bytes.fromhex(self.raw(payout, version))))

    def accounts(self):
        """All balances that are not 0."""
        return {**self.ledger.accounts(), **{
            f"{kind}:{miner}": -sat for kind in ("immature", "mature", "held")
            for miner, sat in self.ledger.balances(kind).items()}}

    def in_mempool(self, txid):
        return txid in self.node.mempool()

    def wait_mempool(self, txid):
        wait_until(lambda: self.in_mempool(txid), 10, "the mempool has the payout")

    @property
    def replaces(self):
        """Does the node take a replacement into its mempool?"""
        return self.node.kind == "bitcoind"

    # --- doing ---

    def with_fees(self, **fees):
        """The payer by settings of its own."""
        path = os.path.join(self.keys, "own.json")
        settings = {**self.karizd.settings, "payout": {**self.karizd.settings["payout"], "fee": fees}}
        with open(path, "w") as f:
            json.dump(settings, f)
        return Payer(self.keys, path)

    def pay(self, earns=True, waits=()):
        """Earns and pays all but those who wait; (the payout's name, what each was owed)."""
        if earns:
            self.earn()
        owed = self.ledger.balances("mature")
        before = {p["id"] for p in self.payer.payouts()}
        self.payer.run("run")
        (new,) = [p for p in self.payer.payouts() if p["id"] not in before]
        self.assertEqual(new["state"], "broadcast")
        self.assertEqual(self.ledger.balances("mature"), {m: owed.pop(m) for m in waits})
        return new["id"], owed

    def restart_node(self, words):
        """Its mempool is empty afterwards."""
        self.node.stop()
        self.node.extra = [*words]
        if self.node.kind == "bitcoind":
            self.node.extra.append("-persistmempool=0")
        self.node.start()
        wait_until(lambda: self.karizd.status()["nodes"][0]["state"] == "healthy", 20,
                   "karizd has its node again")

    def follow(self):
        self.payer.run("follow")

    def mine_empty(self, count):
        for _ in range(count):
            self.node.mine()

    def confirm_version(self, payout, version, depth=CONFIRMATIONS):
        """Someone mines that version, whatever the mempool here has."""
        block = self.node.mine([self.raw(payout, version)])
        self.mine_empty(depth - 1)
        self.follow()
        return block

    def check_settled(self, payout, version, owed, state="confirmed"):
        """Booked as paid by that version, with its fee, and all of it to whom it is due."""
        shown = self.show(payout)
        self.assertEqual(shown["state"], state)
        self.assertEqual({r["miner"]: r["paid"] for r in shown["recipients"]}, owed)
        tx = self.tx(payout, version)
        for r in shown["recipients"]:
            self.assertEqual(tx.outputs[r["vout"]], (r["paid"], self.script_of(r["address"])))
        with Connection(self.ledger.path) as c:
            entry = json.loads(c.hash("po:{ledger}:" + payout)[b"confirm"])
        postings = dict(entry["postings"])
        self.assertEqual(postings["network_fee"], shown["versions"][version]["fee"])
        self.assertEqual(entry["reference"], shown["versions"][version]["txid"])
        self.check_all()

    def check_all(self):
        self.check_ledger()
        self.assertTrue(self.payer.ask("reserves")["ok"])
        self.assertEqual([a for a in self.ledger.accounts() if a.startswith("reserved:")], [])

    def script_of(self, address):
        return bitcoin.segwit_script(segwit_program(address))


def segwit_program(address):
    """The bytes of a witness program, whatever its version; not checked."""
    data = [bitcoin.CHARSET.index(c) for c in address[address.rindex("1") + 2:-6]]
    bits = "".join(f"{v:05b}" for v in data)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) // 8 * 8, 8))


class Fees(ChainTest):
    def test_a_bump_replaces_and_is_booked_with_its_own_fee(self):
        payout, owed = self.pay()
        first = self.show(payout)["txid"]
        said = self.payer.run("bump", payout, "--rate", "200000", expect=4)
        self.assertIn("more than the ceiling allows", said)
        self.payer.run("bump", payout, "--rate", "20000")
        shown = self.show(payout)
        second = shown["versions"][1]
        self.assertEqual([v["why"] for v in shown["versions"]], ["pays", "bumps"])
        self.assertAlmostEqual(second["rate"], 20000, delta=200)
        if self.replaces:
            self.assertTrue(self.in_mempool(second["txid"]))
            self.assertFalse(self.in_mempool(first))
        self.confirm_version(payout, 1)
        self.check_settled(payout, 1, owed)

    def test_an_older_version_confirms_and_is_booked_with_the_fee_it_paid(self):
        payout, owed = self.pay()
        self.payer.run("bump", payout, "--rate", "20000")
        self.payer.run("bump", payout, "--rate", "40000")
        self.assertEqual(len(self.show(payout)["versions"]), 3)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)
        self.assertFalse(set(self.node.mempool()) &
                         {v["txid"] for v in self.show(payout)["versions"]})
        # Nothing more can be made of it.
        _, _, said = self.payer.try_run("bump", payout, "--rate", "60000")
        self.assertIn("confirmed: its fee cannot be raised", said)
        # Its change is a coin: the next payout may spend it, and the next one's is found.
        again, owed = self.pay()
        self.confirm_version(again, 0)
        self.check_settled(again, 0, owed)

    def test_a_child_lifts_its_parent_and_both_are_booked(self):
        payout, owed = self.pay()
        parent = self.show(payout)
        before = {p["id"] for p in self.payer.payouts()}
        self.wait_mempool(parent["txid"])
        self.with_fees(fallback=20000, bump_after=0).run("bump", payout, "--child")
        (child,) = [p for p in self.payer.payouts() if p["id"] not in before]
        self.assertEqual(child["payees"], 0)
        shown = self.show(child["id"])
        self.assertEqual(shown["coins"][0]["coin"].split(":")[0], parent["txid"])
        self.wait_mempool(shown["txid"])
        fee = parent["fee"] + shown["fee"]
        size = parent["versions"][0]["vsize"] + shown["versions"][0]["vsize"]
        self.assertAlmostEqual(fee * 1000 / size, 20000, delta=200)
        self.node.mine([self.raw(payout, 0), self.raw(child["id"], 0)])
        self.mine_empty(1)
        self.follow()
        self.assertEqual(self.state(child["id"]), "confirmed")
        self.check_settled(payout, 0, owed)

    def minimum(self, sat_per_kvb):
        """The words that make a node take nothing below that rate, where it has any."""
        if self.node.kind == "bitcoind":
            return [f"-minrelaytxfee={sat_per_kvb / 1e8:.8f}"]
        return []

    def test_what_is_lost_from_the_mempool_is_sent_again_byte_for_byte(self):
        payout, owed = self.pay()
        txid = self.show(payout)["txid"]
        self.wait_mempool(txid)
        self.restart_node(())
        self.assertFalse(self.in_mempool(txid))
        self.follow()
        self.wait_mempool(txid)
        self.assertEqual(self.node.rpc("getrawtransaction", txid), self.raw(payout, 0))
        self.assertEqual(len(self.show(payout)["versions"]), 1)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def test_a_fee_spike_is_answered_by_a_bump_and_above_the_ceiling_runs_wait(self):
        self.earn()
        owed = self.ledger.balances("mature")
        # Signed at the rate of before, and never sent.
        self.payer.extra = {"KARIZ_FAULT": "send_begins:1"}
        status, _, _ = self.payer.try_run("run")
        self.assertEqual(status, -signal.SIGKILL)
        self.payer.extra = {}
        self.restart_node(self.minimum(20000))
        self.follow()
        (payout,) = [p["id"] for p in self.payer.payouts() if p["state"] in UNDER_WAY]
        if self.replaces:  # the other node takes all without a word
            shown = self.show(payout)
            self.assertEqual(shown["state"], "signed")
            self.assertIn("fee too low", shown["note"])
            self.assertFalse(self.in_mempool(shown["txid"]))
        self.payer.run("bump", payout, *([] if self.replaces else ["--rate", "20000"]))
        bumped = self.show(payout)
        self.assertEqual(bumped["state"], "broadcast")
        self.assertGreaterEqual(bumped["versions"][1]["rate"], 20000)
        if self.replaces:
            self.wait_mempool(bumped["versions"][1]["txid"])
        self.confirm_version(payout, 1)
        self.check_settled(payout, 1, owed)

        # Higher still: a run waits, and nothing is taken for it.
        self.earn()
        owed = self.ledger.balances("mature")
        self.restart_node(self.minimum(200000))
        payer = self.payer if self.replaces else self.with_fees(fallback=200000)
        said = payer.run("run", expect=4)
        self.assertIn("fees are above payout.fee.ceiling (100000 satoshi per kvB)", said)
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.assertEqual(self.payer.ask("list", "--open"), [])
        self.restart_node(())
        payout, owed = self.pay(earns=False)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)


class FullMempool(ChainTest):
    """A node of few resources, and many who pay more than the pool did."""

    PADDING = 95000  # of a transaction: fifty of them are more than the node keeps

    def crowd(self, is_enough):
        """Ever better paying strangers, until it is enough."""
        for rate in range(20000, 60000, 500):
            if is_enough():
                return
            self.node.fill_mempool(1, fee=rate * self.PADDING // 1000 + 5000,
                                   padding=self.PADDING)
        self.fail("the mempool never was full")

    def floor(self):
        """Satoshis per kvB below which the node takes nothing; 0 of one that has no floor."""
        if not self.replaces:
            return 0
        return round(self.node.rpc("getmempoolinfo")["mempoolminfee"] * 1e8)

    def test_what_a_full_mempool_drops_waits_and_is_taken_with_a_better_fee(self):
        self.restart_node(["-maxmempool=5" if self.replaces else "--mempool-size=5"])
        payout, owed = self.pay()
        first = self.show(payout)["txid"]
        self.wait_mempool(first)
        self.crowd(lambda: not self.in_mempool(first) and
                   (self.floor() > 20000 or not self.replaces))
        self.follow()
        version = 0
        if self.replaces:
            dropped = self.show(payout)
            self.assertEqual(dropped["state"], "broadcast")
            self.assertIn("mempool min fee not met", dropped["note"])
            self.assertFalse(self.in_mempool(first))
            version = 1
            self.payer.run("bump", payout)
            bumped = self.show(payout)["versions"][version]
            self.assertGreaterEqual(bumped["rate"], self.floor())
            self.wait_mempool(bumped["txid"])
        else:  # without a floor there is room for it again
            self.wait_mempool(first)
        self.confirm_version(payout, version)
        self.check_settled(payout, version, owed)


class Late(ChainTest):
    fees = {"bump_after": 3}

    def test_what_is_late_is_bumped_by_itself_at_growing_intervals(self):
        payout, owed = self.pay()
        self.wait_mempool(self.show(payout)["txid"])
        self.mine_empty(2)
        self.follow()
        self.assertEqual(len(self.show(payout)["versions"]), 1)
        self.mine_empty(1)
        self.follow()
        self.assertEqual(len(self.show(payout)["versions"]), 2)
        self.mine_empty(8)
        self.follow()
        self.assertEqual(len(self.show(payout)["versions"]), 2)
        self.mine_empty(1)
        self.follow()
        if self.replaces:
            self.assertEqual(len(self.show(payout)["versions"]), 3)
        self.confirm_version(payout, len(self.show(payout)["versions"]) - 1)
        self.check_settled(payout, len(self.show(payout)["versions"]) - 1, owed)

    def test_without_the_passphrase_it_is_only_said_and_said_once(self):
        payout, owed = self.pay()
        self.wait_mempool(self.show(payout)["txid"])
        self.mine_empty(3)
        stranger = Payer(self.karizd.folder, self.karizd.config, passphrase="wrong")
        stranger.run("follow")
        self.assertIn("late", self.show(payout)["note"])
        self.assertEqual(len(self.show(payout)["versions"]), 1)
        before = self.cursor()
        stranger.run("follow")
        self.assertEqual(self.cursor(), before)  # nothing new to write down
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def cursor(self):
        with Connection(self.ledger.path) as c:
            return sorted((k, c.call("GET", k)) for k in c.call("KEYS", "applied:{ledger}*"))


class PoorPool(ChainTest):
    fee_percent = 0.01
    fees = {"bump_after": 0, "ceiling": 50000000}

    def test_a_bump_beyond_the_change_takes_a_free_coin_or_says_why_it_stops(self):
        for login, count in (("alice.rig", 4), ("bob.rig", 2)):
            self.shares(login, count)
        first = self.find_block("carol.rig")
        self.wait_state(first, "accepted")
        self.node.generate(60)
        second = self.find_block("carol.rig")  # matures while the first is being paid out
        self.wait_state(second, "accepted")
        self.node.generate(39)
        self.wait_state(first, "mature")
        payout, owed = self.pay(earns=False)
        shown = self.show(payout)
        change = sum(c["sat"] for c in shown["coins"]) - sum(owed.values()) - shown["fee"]
        rate = str(change * 1200 // shown["versions"][0]["vsize"])
        said = self.payer.run("bump", payout, "--rate", rate, expect=4)
        self.assertIn("too little change is left, and no free coin helps", said)
        self.assertEqual(len(self.show(payout)["versions"]), 1)

        self.mine_empty(61)
        self.wait_state(second, "mature")
        self.payer.run("bump", payout, "--rate", rate)
        shown = self.show(payout)
        self.assertEqual(len(shown["coins"]), 2)
        self.assertEqual(len(self.tx(payout, 1).inputs), 2)
        if self.replaces:
            self.assertTrue(self.in_mempool(shown["versions"][1]["txid"]))
        else:
            self.node.rpc("sendrawtransaction", self.raw(payout, 1))
        # The old one confirms after all: the coin that only the bump took is free again.
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)
        plan = self.payer.ask("plan")
        self.assertGreater(plan["free_sat"], shown["coins"][1]["sat"])

        # And once more, now for good.
        payout, owed = self.pay(earns=False)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)


class Strangers(ChainTest):
    """Somebody else has the key."""

    def steal(self, payout, fee=50000):
        """A transaction that spends the payout's anchor to nobody we know; its hex."""
        anchor = self.show(payout)["coins"][0]
        txid, vout = anchor["coin"].split(":")
        key = hdkeys.PrivateKey.of_seed(SEED).descend(RECEIVE).number
        script = signing.p2wpkh_script(signing.public_key(key))
        theft = bitcoin.Tx([(bitcoin.from_display(txid), int(vout), b"", 0xFFFFFFFD)],
                           [(anchor["sat"] - fee, bitcoin.segwit_script(bytes(20)))])
        signing.sign_input(theft, 0, key, [(anchor["sat"], script)])
        return theft.bytes().hex(), bitcoin.display(theft.txid())

    def test_a_stranger_who_spends_the_anchor_stops_all_runs_until_he_is_gone(self):
        payout, owed = self.pay()
        raw, txid = self.steal(payout)
        if self.replaces:  # unconfirmed: it is only told
            self.node.rpc("sendrawtransaction", raw)
            self.follow()
            shown = self.show(payout)
            self.assertEqual(shown["state"], "broadcast")
            self.assertEqual(shown["note"], f"conflict: unconfirmed {txid} spends its anchor")
        fork = self.node.tip()
        self.node.mine([raw])
        self.follow()
        shown = self.show(payout)
        self.assertEqual(shown["state"], "conflicted")
        self.assertIn(txid, shown["note"])
        said = self.payer.run("run", expect=1)
        self.assertEqual(said.count("\n"), 1)
        self.assertIn(f"payout {payout} is conflicted", said)
        self.assertIn("a person has to decide", said)
        # A reorganisation takes his block: the payout goes on by itself.
        self.node.mine_branch(fork, 2)
        self.follow()
        self.assertEqual(self.state(payout), "broadcast")
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def test_a_stranger_loses_against_a_version_of_ours_in_the_other_branch(self):
        payout, owed = self.pay()
        raw, _ = self.steal(payout, fee=60000)
        fork = self.node.tip()
        self.node.mine([raw])
        self.follow()
        self.assertEqual(self.state(payout), "conflicted")
        self.node.mine_branch(fork, 2, [self.raw(payout, 0)])
        self.follow()
        self.check_settled(payout, 0, owed)


class Reorgs(ChainTest):
    def test_a_booked_payout_whose_block_is_lost_is_unbooked_and_booked_again(self):
        payout, owed = self.pay()
        txid = self.show(payout)["txid"]
        before, fork = self.accounts(), self.node.tip()
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)
        booked = self.accounts()
        free = self.payer.ask("plan")["free_sat"]
        self.assertGreater(free, 0)

        self.node.mine_branch(fork, 3)
        self.follow()
        self.assertEqual(self.state(payout), "broadcast")
        self.assertEqual(self.accounts(), before)
        self.check_ledger()
        self.assertTrue(self.payer.ask("reserves")["ok"])
        self.assertLess(self.payer.ask("plan")["free_sat"], free)  # its change is no coin now
        self.wait_mempool(txid)

        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)
        self.assertEqual(self.accounts(), booked)
        self.assertEqual(self.payer.ask("plan")["free_sat"], free)

    def test_another_version_confirms_in_the_other_branch(self):
        payout, owed = self.pay()
        self.payer.run("bump", payout, "--rate", "20000")
        fork = self.node.tip()
        self.confirm_version(payout, 1)
        self.check_settled(payout, 1, owed)
        self.node.mine_branch(fork, 3, [self.raw(payout, 0)])
        self.follow()
        self.check_settled(payout, 0, owed)

    def test_a_payout_of_that_change_follows_it_out_and_in_again(self):
        self.set_minimum(10**12)
        first, owed_first = self.pay(waits=("carol",))
        fork = self.node.tip()
        self.confirm_version(first, 0)
        # Carol was left out: only change is there to pay her.
        self.set_minimum(1000)
        second, owed_second = self.pay(earns=False)
        change = self.show(second)["coins"][0]["coin"].split(":")[0]
        self.assertEqual(change, self.show(first)["txid"])
        self.confirm_version(second, 0)
        self.check_settled(second, 0, owed_second)
        booked = self.accounts()
        away = self.node.height

        self.node.mine_branch(fork, away - self.height_of(fork) + 1)
        self.follow()
        self.assertEqual({self.state(first), self.state(second)}, {"broadcast"})
        self.check_ledger()
        self.node.mine([self.raw(first, 0), self.raw(second, 0)])
        self.mine_empty(1)
        self.follow()
        self.check_settled(first, 0, owed_first)
        self.check_settled(second, 0, owed_second)
        self.assertEqual(self.accounts(), booked)

    def height_of(self, block_hash):
        return self.node.rpc("getblockheader", block_hash)["height"]

    def set_minimum(self, sat):
        self.karizd.ctl("miner", "terms", "carol", "--minimum", str(sat), "--basis", "letter")


class Cancels(ChainTest):
    def test_a_reserved_payout_is_given_up_at_once(self):
        self.earn()
        before = self.accounts()
        self.payer.extra = {"KARIZ_FAULT": "sign_begins:1"}
        status, _, _ = self.payer.try_run("run")
        self.assertEqual(status, -signal.SIGKILL)
        self.payer.extra = {}
        (payout,) = [p["id"] for p in self.payer.payouts() if p["state"] == "reserved"]
        self.assertIn("abandoned", self.payer.run("cancel", payout))
        self.assertEqual(self.accounts(), before)
        self.check_all()
        payout, owed = self.pay(earns=False)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def test_a_sent_payout_is_called_off_and_its_miners_are_paid_by_the_next(self):
        self.earn()
        before = self.accounts()
        payout, owed = self.pay(earns=False)
        txid = self.show(payout)["txid"]
        self.payer.run("cancel", payout)
        shown = self.show(payout)
        cancel = shown["versions"][1]
        self.assertEqual(cancel["why"], "cancels")
        self.assertEqual(len(self.tx(payout, 1).outputs), 1)
        if self.replaces:
            self.assertTrue(self.in_mempool(cancel["txid"]))
            self.assertFalse(self.in_mempool(txid))
        # Not before it is buried: until then the other might come back.
        self.confirm_version(payout, 1, CANCEL_CONFIRMATIONS - 1)
        self.assertEqual(self.state(payout), "broadcast")
        self.assertEqual(self.ledger.balances("mature"), {})
        self.mine_empty(1)
        self.follow()
        self.assertEqual(self.state(payout), "cancelled")
        self.assertEqual(self.ledger.balances("mature"), owed)
        fee = cancel["fee"]
        after = self.accounts()
        self.assertEqual(after["network_fee"], before.get("network_fee", 0) + fee)
        self.assertEqual(after["coins.mature"], before["coins.mature"] - fee)
        self.check_all()

        again, owed_again = self.pay(earns=False)
        self.assertEqual(owed_again, owed)
        self.confirm_version(again, 0)
        self.check_settled(again, 0, owed)

    def test_what_was_called_off_confirms_all_the_same_and_is_paid(self):
        payout, owed = self.pay()
        self.payer.run("cancel", payout)
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def test_a_payout_is_final_at_a_hundred_confirmations(self):
        payout, owed = self.pay()
        self.confirm_version(payout, 0, 99)
        self.assertEqual(self.state(payout), "confirmed")
        self.mine_empty(1)
        self.follow()
        self.check_settled(payout, 0, owed, state="final")
        self.assertEqual([p["id"] for p in self.payer.ask("list", "--open")
                          if p["id"] == payout], [])


# The base is another file's to run.
del PayoutTest
