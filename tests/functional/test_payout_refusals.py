"""What stops a run before anything is reserved, each with one line that says why."""

import json
import os

from lib import hdkeys, journal
from lib import node as nodes
from lib.bitcoin import sha256
from lib.fakenode import FakeNode
from lib.faults import Connection
from lib.payer import Payer, make_key
from test_payout import PayoutTest

TEST_PRIVATE = bytes.fromhex("04358394")  # "tprv"
KIND_RESERVE = 64 + 4  # share/event.h
MAINS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
TOO_MUCH = 2100000000000001


def private_descriptor():
    key = sha256(b"kariz test key")
    text = hdkeys.base58check(TEST_PRIVATE + bytes(9) + sha256(key) + b"\x00" + key)
    return f"wpkh({text}/0/*)"


class Refuses:
    """One pool for all cases, so what a case changes it puts back."""

    def redis(self, *words):
        with Connection(self.ledger.path) as c:
            return c.call(*words)

    def assert_refused(self, *says, payer=None, status=1, words=("run",)):
        before = self.ledger.balances("mature")
        ended, said, why = (payer or self.payer).try_run(*words)
        self.assertEqual((ended, said, why.count("\n")), (status, "", 1), why)
        for text in says:
            self.assertIn(text, why)
        self.assertEqual(self.ledger.balances("mature"), before)
        self.assert_nothing_reserved()

    def assert_nothing_reserved(self):
        self.assertEqual(self.redis("HGETALL", "pos:{ledger}"), [])
        self.assertEqual(self.redis("KEYS", "use:{ledger}:*"), [])
        self.assertNotIn(KIND_RESERVE, self.kinds_journaled())

    def kinds_journaled(self):
        folder = os.path.join(self.karizd.settings["data_dir"], "payout")
        return {kind for s in journal.segments(folder) for _, _, kind in s.records()}

    def test_each_stops_the_run_and_without_them_it_pays(self):
        self.earn()
        owed = self.ledger.balances("mature")
        for name in sorted(dir(self)):
            if name.startswith("case_"):
                with self.subTest(name[5:].replace("_", " ")):
                    getattr(self, name)()
                self.set_payout(wallet={"key_file": self.key, "receive": "", "change": ""})
                self.karizd.write_settings(nodes=[n.settings() for n in self.nodes])
        payout = self.pay()
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]}, owed)
        self.assertIn(KIND_RESERVE, self.kinds_journaled())


class FaultsOfKeys(Refuses, PayoutTest):
    def case_a_wrong_passphrase(self):
        other = Payer(self.karizd.folder, self.karizd.config, "not that one")
        self.assert_refused(self.key, "passphrase", payer=other)
        other = Payer(self.karizd.folder, self.karizd.config, "")
        self.assert_refused(self.key, "the passphrase is empty", payer=other)

    def case_a_key_file_that_others_may_read(self):
        os.chmod(self.key, 0o644)
        try:
            self.assert_refused(self.key)
        finally:
            os.chmod(self.key, 0o600)

    def case_a_key_of_another_network(self):
        path, _ = make_key(self.keys, network="main", name="main.key")
        self.set_payout(wallet={"key_file": path})
        self.assert_refused(path, 'for network "main", not "regtest"')

    def case_no_key_file(self):
        self.set_payout(wallet={"key_file": self.key + ".none"})
        self.assert_refused(self.key + ".none", "there is no key file")

    def case_neither_key_file_nor_descriptors(self):
        self.set_payout(wallet={"key_file": ""})
        self.assert_refused("payout.wallet", "key_file is not set")

    def case_both_key_file_and_descriptor(self):
        self.set_payout(wallet={"receive": "wpkh()"})
        self.assert_refused(self.karizd.config, "payout.wallet.key_file: expected")

    def case_a_private_key_in_the_settings(self):
        self.set_payout(wallet={"key_file": "", "receive": private_descriptor(),
                                "change": private_descriptor()})
        self.assert_refused("receive descriptor", "it has a private key")


class FaultsOfLedgerAndNode(Refuses, PayoutTest):
    # --- registry and ledger ---

    def case_an_address_of_another_network(self):
        kept = self.redis("HGET", "miners:{registry}", "bob")
        number, revision, text = kept.split(b" ", 2)
        record = json.loads(text)
        record["payout_addresses"][-1]["address"] = MAINS
        changed = b" ".join([number, revision, json.dumps(record).encode()])
        self.redis("HSET", "miners:{registry}", "bob", changed)
        try:
            self.assert_refused("bob", MAINS)
        finally:
            self.redis("HSET", "miners:{registry}", "bob", kept)

    def changed(self, key, field, value, *says, words=("run",)):
        kept = self.redis("HGET", key, field)
        self.redis("HSET", key, field, str(value))
        try:
            self.assert_refused(*says, words=words)
        finally:
            if kept is None:
                self.redis("HDEL", key, field)
            else:
                self.redis("HSET", key, field, kept)

    def case_more_money_than_there_is(self):
        self.changed("bal:{ledger}:mature", "alice", TOO_MUCH, "alice")
        self.changed("bal:{ledger}:mature", "alice", TOO_MUCH, "amount overflow", "alice",
                     words=("plan",))

    def case_a_ledger_that_does_not_verify(self):
        has = self.ledger.balances("mature")["alice"]
        self.changed("bal:{ledger}:mature", "alice", has + 1000,
                     "ledger verify: FAILED", f"mature:alice is kept as {-has - 1000}")
        self.changed("bal:{ledger}:mature", "mallory", 1, "ledger verify: FAILED", "mallory")

    def case_a_coin_of_another_value(self):
        self.set_payout(cap={"run": 1})  # a run that goes so far that it has seen its coins
        self.assert_refused("payout.cap.run", status=4)
        self.set_payout(cap={"run": 0})
        ((name, row),) = self.table("coin:{ledger}").items()
        other = json.loads(row)
        other["sat"] += 1
        self.changed("coin:{ledger}", name.decode(), json.dumps(other),
                     name.decode(), "another value or script on the chain")

    def table(self, key):
        with Connection(self.ledger.path) as c:
            return c.hash(key)

    # --- nodes and fees ---

    def use(self, node):
        self.karizd.write_settings(nodes=[node.settings()])

    def case_no_node(self):
        nobody = "http://127.0.0.1:1"
        self.karizd.write_settings(nodes=[{**self.node.settings(), "url": nobody}])
        self.assert_refused("node " + nobody)

    def case_a_node_in_no_good_order(self):
        fake = FakeNode().start()
        self.addCleanup(fake.stop)
        self.use(fake)
        for info, says in (({"chain": "main"}, "it is on another network"),
                           ({"initialblockdownload": True}, "it is in initial block download"),
                           ({"headers": 5000}, "it lacks blocks whose headers it knows")):
            fake.info = info
            self.assert_refused(fake.settings()["url"], says)

    def case_a_node_that_has_another_chain(self):
        other = nodes.new_node().start()
        self.addCleanup(other.remove)
        other.generate(self.node.height + 10 - other.height)
        self.use(other)
        self.assert_refused("ledger verify: FAILED")

    def case_fees_above_the_ceiling(self):
        self.set_payout(fee={"ceiling": self.rate - 1})
        try:
            self.assert_refused("fees are above payout.fee.ceiling", status=4)
        finally:
            self.set_payout(fee={"ceiling": None})
