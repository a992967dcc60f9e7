"""What becomes of found blocks: splits, orphans, maturity, holds, direct payouts."""

import json
import os
import shutil
import tempfile
import time
import unittest

from lib import bitcoin
from lib import node as nodes
from lib.case import KarizTest
from lib.faults import Clock, Connection, Redis, WithClock
from lib.karizd import Karizd, Refused, listener
from lib.wait import wait_until

REGTEST_SUBSIDY_SPAN = 150


class Ledger:
    """Balances as they are kept; positive: owed to the miner."""

    def __init__(self, karizd):
        url = karizd.settings["redis"]
        self.path = (os.path.join(karizd.settings["data_dir"], "redis/redis.sock")
                     if url == "embedded" else url.removeprefix("unix://"))

    def hash(self, key):
        with Connection(self.path) as c:
            return {k.decode(): int(v) for k, v in c.hash(key).items()}

    def balances(self, kind):
        return {k: v for k, v in self.hash("bal:{ledger}:" + kind).items() if v}

    def accounts(self):
        return {k: v for k, v in self.hash("acc:{ledger}").items() if v}

    def total(self):
        """Of all accounts; 0 whatever happens (I1)."""
        owed = sum(sum(self.balances(k).values()) for k in ("immature", "mature", "held"))
        return sum(self.accounts().values()) - owed

    def block(self, block_hash):
        with Connection(self.path) as c:
            fields = c.hash("blk:{ledger}:" + block_hash)
        return {k.decode(): json.loads(v) for k, v in fields.items()}


class AccountsTest(KarizTest):
    own_karizd = True
    miners = ("alice", "bob")
    payout = {}

    @classmethod
    def make_nodes(cls):
        node = nodes.new_node().start()
        cls.addClassCleanup(node.remove)
        return [node]

    def setUp(self):
        super().setUp()
        self.node = self.nodes[0]
        self.start_karizd(payout=self.payout, **self.more())
        self.ledger = Ledger(self.karizd)

    def more(self):
        return {}

    def shares(self, login, count):
        rig = self.rig(karizd=self.karizd)
        rig.ready(login)
        for _ in range(count):
            rig.mine("share")
        rig.close()

    def find_block(self, login="alice.rig"):
        rig = self.rig(karizd=self.karizd)
        rig.ready(login)
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node has the block as tip")
        rig.close()
        return found

    def branch(self, height, tip=None):
        """A node whose chain is ours below `height`, and with `tip` on it if that is given."""
        other = nodes.new_node().start()
        self.addCleanup(other.remove)
        for at in range(other.height + 1, height):
            self.give(other, self.node.rpc("getblockhash", at))
        if tip:
            self.give(other, tip)
        return other

    def give(self, other, block_hash, source=None):
        other.rpc("submitblock", (source or self.node).rpc("getblock", block_hash, 0))

    def take_branch(self, other, height, count):
        """The node gets `count` new blocks of `other`, from `height` on: a longer chain."""
        other.generate(count)
        for at in range(height, other.height + 1):
            self.give(self.node, other.rpc("getblockhash", at), other)
        wait_until(lambda: self.node.tip() == other.tip(), 20, "the node has reorganised")

    def state_of(self, block_hash):
        return self.ledger.block(block_hash).get("state")

    def wait_state(self, block_hash, state):
        wait_until(lambda: self.state_of(block_hash) == state, 20,
                   f"block {block_hash[:8]} is {state}")

    def find_two_direct(self):
        """A block that pays the pool, then one whose coinbase pays alice and bob."""
        self.shares("bob.rig", 5)
        first = self.find_block("alice.rig")
        self.wait_state(first, "accepted")
        wait_until(lambda: self.karizd.status()["payees"] == 2, 60, "jobs pay both miners")
        found = self.find_block("alice.rig")
        self.wait_state(found, "accepted")
        return first, found

    def check_ledger(self):
        self.assertEqual(self.ledger.total(), 0)
        self.assertIn("ledger verify: ok", self.karizd.ctl("ledger", "verify"))
        self.assertEqual(self.karizd.status()["accounting"]["alarm"], "")


class Pplns(AccountsTest):
    payout = {"fee_percent": 1, "window": 1000}

    def test_a_block_is_split_over_the_window_and_comes_and_goes_with_the_chain(self):
        self.shares("alice.rig", 6)
        self.shares("bob.rig", 3)
        found = self.find_block("alice.rig")  # one more of alice
        self.wait_state(found, "accepted")
        block = self.ledger.block(found)
        reward = block["value_sat"]
        parts = {p[0]: p for p in block["split"]["parts"]}
        self.assertEqual(parts["alice"][1], "7")
        self.assertEqual(parts["bob"][1], "3")
        # Largest remainder, then a fee of 1 % rounded down for the pool.
        self.assertEqual(parts["alice"][3] + parts["bob"][3], reward)
        for part in parts.values():
            self.assertEqual(part[4], part[3] // 100)
        owed = {m: p[5] for m, p in parts.items()}
        self.assertEqual(self.ledger.balances("immature"), owed)
        self.check_ledger()

        # Off the best chain: nothing is owed; on it again: the same as before.
        height = block["height"]
        with_it = self.branch(height, found)
        self.take_branch(self.branch(height), height, 2)
        self.wait_state(found, "orphaned")
        self.assertEqual(self.ledger.balances("immature"), {})
        self.assertEqual(self.ledger.accounts(), {})
        self.check_ledger()
        self.take_branch(with_it, height + 1, 2)
        self.wait_state(found, "accepted")
        self.assertEqual(self.ledger.balances("immature"), owed)
        self.check_ledger()
        # And a deeper one, there and back.
        with_it = self.branch(height, found)
        self.take_branch(self.branch(height), height, 8)
        self.wait_state(found, "orphaned")
        self.assertEqual(self.ledger.accounts(), {})
        self.take_branch(with_it, height + 1, 9)
        self.wait_state(found, "accepted")
        self.assertEqual(self.ledger.balances("immature"), owed)
        self.check_ledger()

        # 99 confirmations are not enough, 100 are.
        self.node.generate_to(height + 98)
        wait_until(lambda: self.karizd.status()["height"] == height + 99, 20, "a job")
        self.assertEqual(self.state_of(found), "accepted")
        self.node.generate(1)
        self.wait_state(found, "mature")
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.assertEqual(self.ledger.balances("immature"), {})
        self.assertEqual(self.ledger.accounts()["coins.mature"], reward)
        self.check_ledger()

        # A suspension holds what is payable; a resumption gives it back.
        self.karizd.ctl("miner", "suspend", "bob", "--reason", "suspicion", "--basis", "order 7")
        wait_until(lambda: self.ledger.balances("held") == {"bob": owed["bob"]}, 10, "a hold")
        self.karizd.ctl("miner", "resume", "bob", "--basis", "order 8")
        wait_until(lambda: self.ledger.balances("mature") == owed, 10, "a release")
        self.check_ledger()

        # Nothing of this is lost with Redis.
        before = (self.ledger.accounts(), self.ledger.balances("mature"))
        with Connection(self.ledger.path) as c:
            c.call("FLUSHALL")
        wait_until(lambda: (self.ledger.accounts(), self.ledger.balances("mature")) == before,
                   20, "the ledger is back from the journal")
        self.check_ledger()

    def test_what_a_killed_daemon_found_is_booked_by_the_next(self):
        self.shares("bob.rig", 2)
        rig = self.rig(karizd=self.karizd)
        rig.ready("alice.rig")
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        self.karizd.kill()
        self.karizd.start()
        wait_until(lambda: self.node.tip() == found, 20, "the node has the block")
        self.wait_state(found, "accepted")
        self.assertEqual(sum(p[3] for p in self.ledger.block(found)["split"]["parts"]),
                         self.ledger.block(found)["value_sat"])
        self.check_ledger()

    def test_a_block_that_lost_its_race_is_orphaned_and_the_winner_is_booked(self):
        first = self.find_block("alice.rig")
        self.wait_state(first, "accepted")
        height = self.ledger.block(first)["height"]
        # The other chain has two blocks more, and ours finds the next on top of those.
        self.take_branch(self.branch(height), height, 2)
        wait_until(lambda: self.karizd.status()["height"] == height + 2, 20, "a job on it")
        second = self.find_block("bob.rig")
        self.wait_state(second, "accepted")
        self.wait_state(first, "orphaned")
        self.assertEqual(self.ledger.accounts()["coins.immature"],
                         self.ledger.block(second)["value_sat"])
        self.check_ledger()


class Changes(AccountsTest):
    payout = {"fee_percent": 1, "window": 1000}

    def restart(self, **payout):
        self.karizd.stop()
        self.karizd.write_settings(payout={**self.payout, **payout})
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["accounting"]["state"] == "ready", 20, "ready")

    def split_of(self, login):
        found = self.find_block(login)
        self.wait_state(found, "accepted")
        self.check_ledger()
        return self.ledger.block(found)["split"]

    def test_another_scheme_loses_nobodys_window_and_pays_no_share_twice(self):
        self.shares("bob.rig", 4)
        self.restart(scheme="pps")
        self.shares("alice.rig", 3)
        split = self.split_of("alice.rig")
        self.assertEqual((split["scheme"], split["parts"]), ("pps", []))
        wait_until(lambda: "alice" in self.ledger.balances("mature"), 20, "alice is credited")
        credited = self.ledger.balances("mature")
        self.assertEqual(set(credited), {"alice"})  # bob's work was done under PPLNS
        self.restart(scheme="pplns")
        split = self.split_of("alice.rig")
        self.assertEqual([p[:2] for p in split["parts"]], [["alice", "1"], ["bob", "4"]])
        self.assertEqual(self.ledger.balances("mature"), credited)

    def test_a_miner_may_have_a_fee_of_its_own(self):
        self.karizd.ctl("miner", "terms", "bob", "--fee-percent", "0.25", "--minimum",
                        "50000", "--basis", "contract 12")
        with self.assertRaises(Refused):
            self.karizd.ctl("miner", "terms", "bob", "--fee-percent", "0.00001",
                            "--basis", "contract 12")
        self.assertEqual(self.karizd.ask("miner", "show", "bob")["fee_ppm"], 2500)
        self.shares("bob.rig", 4)
        parts = {p[0]: p for p in self.split_of("alice.rig")["parts"]}
        self.assertEqual((parts["alice"][2], parts["bob"][2]), (10000, 2500))
        self.assertEqual(parts["bob"][4], parts["bob"][3] * 2500 // 1000000)
        self.karizd.ctl("miner", "terms", "bob", "--fee-percent", "pool", "--basis", "ended")
        self.assertNotIn("fee_ppm", self.karizd.ask("miner", "show", "bob"))


class Capital(AccountsTest):
    miners = ("alice",)

    def test_two_persons_answer_for_the_operators_money(self):
        def book(way, amount, *by):
            persons = [word for one in by for word in ("--by", one)]
            self.karizd.ctl("ledger", "capital", way, "--amount", amount, "--reason",
                            "float for pay per share", *persons)

        wait_until(lambda: self.karizd.status()["accounting"]["state"] == "ready", 20, "ready")
        for bad in (("in", "5000000"), ("in", "5000000", "one"), ("in", "0", "one", "two"),
                    ("in", "5000000", "one", "one"), ("up", "5000000", "one", "two"),
                    ("in", "0.5", "one", "two"), ("out", "1", "one", "two")):
            with self.assertRaises(Refused):
                book(*bad)
        book("in", "5000000", "one", "two")
        self.assertEqual(self.ledger.accounts(),
                         {"coins.mature": 5000000, "capital": -5000000})
        book("out", "2000000", "two", "one")
        self.assertEqual(self.ledger.accounts()["capital"], -3000000)
        self.check_ledger()


class Schemes(AccountsTest):
    def book(self, scheme):
        self.shares("bob.rig", 4)
        found = self.find_block("alice.rig")
        self.wait_state(found, "accepted")
        block = self.ledger.block(found)
        self.assertEqual(block["split"]["scheme"], scheme)
        return block


class Prop(Schemes):
    payout = {"scheme": "prop"}

    def test_a_round_ends_with_its_block_and_an_orphans_joins_the_next(self):
        first = self.book("prop")
        self.assertEqual([p[:2] for p in first["split"]["parts"]],
                         [["alice", "1"], ["bob", "4"]])
        self.shares("alice.rig", 2)
        second = self.find_block("bob.rig")
        self.wait_state(second, "accepted")
        parts = self.ledger.block(second)["split"]["parts"]
        self.assertEqual([p[:2] for p in parts], [["alice", "2"], ["bob", "1"]])
        self.check_ledger()


class Solo(Schemes):
    payout = {"scheme": "solo", "fee_percent": 2}

    def test_the_finder_alone_is_paid(self):
        block = self.book("solo")
        [part] = block["split"]["parts"]
        self.assertEqual(part[0], "alice")
        self.assertEqual(part[5], block["value_sat"] - block["value_sat"] * 2 // 100)
        self.check_ledger()


def entitlement(work, base):
    """What work is worth at a fee of 2 %. Work is counted in hashes; a block takes two."""
    target = bitcoin.target_of_nbits(0x207FFFFF)
    return work * base * 980000 * (target + 1) // (1000000 * 2**256)


def subsidy_at(height):
    return 50 * 10**8 >> (height // REGTEST_SUBSIDY_SPAN)


class PaidPerShare(Schemes):
    def earn(self, blocks):
        """Each leaves the pool half a subsidy, so that it can bear to pay for shares."""
        for _ in range(blocks):
            self.wait_state(self.find_block("alice.rig"), "accepted")

    def credited(self, miner, kind="mature"):
        return self.ledger.balances(kind).get(miner, 0)


class Pps(PaidPerShare):
    payout = {"scheme": "pps", "fee_percent": 2}

    def test_shares_are_paid_and_the_block_is_the_pools(self):
        self.earn(4)
        block = self.book("pps")
        self.assertEqual(block["split"]["parts"], [])
        self.assertEqual(block["split"]["retained"], block["value_sat"])
        subsidy = subsidy_at(block["height"])
        exact = {"alice": entitlement(5, subsidy), "bob": entitlement(4, subsidy)}
        wait_until(lambda: self.ledger.balances("mature") == exact, 20,
                   "each has been credited")
        mature = self.ledger.balances("mature")
        self.assertEqual(self.ledger.accounts()["pps_cost"], sum(mature.values()))
        self.check_ledger()
        self.karizd.kill()
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["accounting"]["state"] == "ready", 20, "ready")
        self.shares("bob.rig", 1)
        self.find_block("bob.rig")
        wait_until(lambda: self.ledger.balances("mature")["bob"] > mature["bob"], 20, "more")
        self.assertEqual(self.ledger.balances("mature")["alice"], mature["alice"])
        self.check_ledger()


class PpsSuspended(PaidPerShare):
    payout = {"scheme": "pps", "fee_percent": 2, "pps_reserve": 1000000}

    def test_a_pool_without_means_goes_on_under_pplns_and_pays_what_it_promised(self):
        accounting = lambda: self.karizd.status()["accounting"]  # noqa: E731
        wait_until(lambda: "below payout.pps_reserve" in accounting()["warning"], 10, "a warning")
        self.assertFalse(accounting()["suspended"])
        self.earn(2)
        self.assertFalse(accounting()["suspended"])
        # Together more than the blocks brought, and promised before that is seen.
        self.shares("bob.rig", 8)
        last = self.find_block("alice.rig")
        subsidy = subsidy_at(self.node.height)
        wait_until(lambda: self.credited("bob") == entitlement(8, subsidy), 20, "bob is paid")
        self.find_block("alice.rig")  # ends a slice, if those nine were in one: it is judged
        wait_until(lambda: accounting()["suspended"], 20, "a fall-back")
        self.wait_state(last, "accepted")
        self.assertEqual(self.ledger.block(last)["split"]["scheme"], "pps")
        self.assertIn("pps is suspended", accounting()["warning"])
        self.assertIn("pps is suspended", self.karizd.ctl("status"))
        self.assertTrue(self.karizd.logged("error pps_suspended"))

        # The next template brings the border; what was mined before it is paid for.
        wait_until(lambda: self.scheme_now() == "pplns", 20, "slices are PPLNS's")
        paid = self.ledger.balances("mature")
        self.assertEqual(self.scheme_now(), "pplns")
        self.assertEqual(self.ledger.balances("mature"), paid)
        self.check_ledger()

        # A new start does not change that, as long as the reserve is not there.
        self.karizd.kill()
        self.karizd.start()
        wait_until(lambda: accounting()["suspended"], 20, "still suspended")
        wait_until(lambda: self.scheme_now() == "pplns", 20, "slices are PPLNS's")
        self.check_ledger()

    def scheme_now(self):
        """The scheme of the slice that a block closes now."""
        self.shares("bob.rig", 1)
        found = self.find_block("bob.rig")
        self.wait_state(found, "accepted")
        return self.ledger.block(found)["split"]["scheme"]


class Fpps(WithClock, PaidPerShare):
    """A day must go by."""

    payout = {"scheme": "fpps", "fee_percent": 2}

    def start_karizd(self, node_list=None, **settings):
        # A Redis of its own: the embedded one hangs under libfaketime.
        folder = tempfile.mkdtemp(prefix="kariz-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.redis = Redis(os.path.join(folder, "redis"))
        self.addCleanup(self.redis.kill)
        self.redis.start()
        self.karizd = Karizd(self.nodes, redis="unix://" + self.redis.path, **settings)
        self.addCleanup(self.karizd.close)
        self.clock = Clock(os.path.join(self.karizd.folder, "clock"))
        self.karizd.environment = self.clock.environment
        self.karizd.start()
        self.register_all(self.karizd)

    def fees_by_block(self, day):
        """Of the best chain's blocks whose median time lies in it."""
        fees = []
        for height in range(1, self.node.height + 1):
            block_hash = self.node.rpc("getblockhash", height)
            if self.node.rpc("getblockheader", block_hash)["mediantime"] // 86400 != day:
                continue
            coinbase = self.node.block(block_hash).txs[0]
            fees.append(sum(v for v, _ in coinbase.outputs) - subsidy_at(height))
        return fees

    def test_a_day_of_it_earns_its_blocks_average_fee_once(self):
        day = int(self.clock.now()) // 86400
        self.earn(3)
        self.node.fill_template(2)
        self.node.generate(1)
        wait_until(lambda: self.karizd.status()["height"] == self.node.height + 1, 20, "a job on it")
        self.shares("alice.rig", 2)
        self.shares("bob.rig", 3)
        last = self.find_block("alice.rig")
        self.wait_state(last, "accepted")
        subsidy = subsidy_at(self.ledger.block(last)["height"])
        works = {"alice": 6, "bob": 3}
        wait_until(lambda: all(self.credited(m) == entitlement(w, subsidy)
                               for m, w in works.items()), 20, "the subsidy's part is credited")
        self.assertEqual(self.karizd.status()["accounting"]["alarm"], "")
        self.karizd.ctl("miner", "suspend", "bob", "--reason", "suspicion", "--basis", "order 7")
        wait_until(lambda: self.credited("bob", "held") == entitlement(3, subsidy), 20, "a hold")

        # The chain is a day on, then the daemon too; it dies as it closes the day.
        self.node.rpc("setmocktime", int(time.time()) + 86400)
        self.node.generate(20)
        self.clock.set(86400)
        self.karizd.wait_log("day_fees_read", 60)
        self.karizd.kill()
        self.karizd.start()
        fees = self.fees_by_block(day)
        average = sum(fees) // len(fees)
        self.assertGreater(average, 0)
        whole = {m: entitlement(w, subsidy + average) for m, w in works.items()}
        self.assertGreater(whole["alice"], entitlement(6, subsidy))
        wait_until(lambda: self.credited("alice") == whole["alice"], 60, "alice has her fees")
        wait_until(lambda: self.credited("bob", "held") == whole["bob"], 20, "bob has his, held")
        self.assertEqual(self.credited("bob"), 0)
        self.check_ledger()
        with Connection(self.ledger.path) as c:
            days = {k.decode(): v.decode() for k, v in c.hash("fpps:{ledger}").items()}
        date = time.strftime("%Y-%m-%d", time.gmtime(day * 86400))
        self.assertEqual(days[date + ":test"], f"closed {average} {len(fees)} 0")
        statement = self.karizd.ask("statement", "alice")
        self.assertEqual(statement["lines"][-1]["change"],
                         whole["alice"] - entitlement(6, subsidy))
        self.assertEqual(statement["end"], whole["alice"])
        self.karizd.kill()
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["accounting"]["state"] == "ready", 20, "ready")
        self.assertEqual(self.credited("alice"), whole["alice"])
        self.check_ledger()


class Direct(AccountsTest):
    payout = {"direct": True, "fee_percent": 1, "window": 1000, "direct_minimum": 10000}

    def more(self):
        return {"stratum": {"listen": [listener(coinbase="large")]}}

    def test_the_coinbase_pays_miners_and_the_ledger_books_what_it_says(self):
        first, found = self.find_two_direct()
        block = self.ledger.block(found)
        self.assertGreater(block["snapshot"], 0)
        scripts = {v: s for v, s in self.node.block(found).txs[0].outputs if v > 0}
        self.assertEqual(len(scripts), 3)  # two miners and the pool's fee
        immature = self.ledger.balances("immature")
        accounts = self.ledger.accounts()
        paid = accounts["coins.direct"]
        nets = {p[0]: p[5] for p in block["split"]["parts"]}
        self.assertEqual(paid, sum(nets.values()))
        self.assertEqual(set(nets.values()) - set(scripts), set())
        self.assertEqual(accounts["coins.direct"] + accounts["coins.immature"],
                         block["value_sat"] + self.ledger.block(first)["value_sat"])
        self.assertEqual(set(immature), {"alice", "bob"})
        self.check_ledger()

        self.node.generate(99)
        for block_hash in (first, found):  # booked in either order
            self.wait_state(block_hash, "mature")
        # What the coinbase paid is not owed any more; the first block's parts are.
        firsts = {p[0]: p[5] for p in self.ledger.block(first)["split"]["parts"]}
        self.assertEqual(self.ledger.balances("mature"), firsts)
        self.assertNotIn("coins.direct", self.ledger.accounts())
        self.check_ledger()

        # What is owed since then is more than a block now brings, so the largest debt
        # takes all of it: carry leaves by the coinbase, and is owed no more.
        wait_until(lambda: self.karizd.status()["payees"] == 1, 60, "a job pays one miner")
        last = self.find_block("bob.rig")
        self.wait_state(last, "accepted")
        block = self.ledger.block(last)
        nets = {p[0]: p[5] for p in block["split"]["parts"]}
        owed = {m: firsts[m] + nets[m] for m in nets}
        largest = max(owed, key=owed.get)
        [paid] = [v for v, s in block["outputs"] if v > 0 and not s.startswith("6a")]
        self.assertEqual(paid, block["value_sat"])
        after = {m: self.ledger.balances("mature").get(m, 0) for m in owed}
        carry = paid - nets[largest]
        self.assertEqual(after[largest], firsts[largest] - carry)
        self.check_ledger()

        # The next job, behind our own block, does not pay that carry again.
        again = self.find_block("alice.rig")
        self.wait_state(again, "accepted")
        self.assertGreaterEqual(min(self.ledger.balances("mature").values(), default=0), 0)
        self.check_ledger()

    def test_a_miner_whose_new_address_waits_is_owed_and_not_paid_by_the_coinbase(self):
        self.shares("bob.rig", 5)
        self.wait_state(self.find_block("alice.rig"), "accepted")
        wait_until(lambda: self.karizd.status()["payees"] == 2, 60, "jobs pay both miners")
        self.karizd.ctl("address", "add", "bob", bitcoin.demo_address("bob-2"),
                        "--basis", "letter 4")
        wait_until(lambda: self.karizd.status()["payees"] == 1, 60, "jobs pay one miner")
        found = self.find_block("alice.rig")
        self.wait_state(found, "accepted")
        scripts = [s for v, s in self.node.block(found).txs[0].outputs if v > 0]
        for name in ("bob", "bob-2"):
            self.assertNotIn(bitcoin.segwit_script(bitcoin.demo_program(name)), scripts)
        self.assertGreater(self.ledger.balances("immature")["bob"], 0)
        self.check_ledger()


if __name__ == "__main__":
    unittest.main()
