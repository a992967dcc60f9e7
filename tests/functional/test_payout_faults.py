"""The crash table of payouts, row by row, and some rounds that a seed chooses: see
lib/payfaults.py.

    tests/functional/payout_faults     the same for hours
"""

import importlib
import os
import shutil
import unittest

from lib import node as nodes
from lib import payfaults
from lib.case import need
from lib.faults import Broken
from test_payout_lease import LeaseTest

# What exercises each row of the crash table.
CRASH_TABLE = {
    "C1": "test_payout_faults.CrashTable.test_c01_before_the_reserve_is_written",
    "C2": "test_payout_faults.CrashTable.test_c02_the_reserve_is_in_the_journal_alone",
    "C3": "test_payout_faults.CrashTable.test_c03_reserved_and_not_signed",
    "C4": "test_payout_faults.CrashTable.test_c04_sent_to_be_signed_elsewhere",
    "C5": "test_payout_faults.CrashTable.test_c05_signed_and_not_written_down",
    "C6": "test_payout_faults.CrashTable.test_c06_signed_and_not_sent",
    "C7": "test_payout_faults.CrashTable.test_c07_sent_and_not_written_down",
    "C8": "test_payout_faults.CrashTable.test_c08_in_the_mempool_and_raised",
    "C9": "test_payout_faults.CrashTable.test_c09_sent_and_lost_by_the_node",
    "C10": "test_payout_faults.CrashTable.test_c10_confirmed_and_not_booked",
    "C11": "test_payout_chain.Strangers."
           "test_a_stranger_who_spends_the_anchor_stops_all_runs_until_he_is_gone",
    "C12": "test_payout_chain.Fees."
           "test_an_older_version_confirms_and_is_booked_with_the_fee_it_paid",
    "C13": "test_payout_faults.CrashTable.test_c13_booked_and_taken_by_a_reorganisation",
    "C14": "test_payout_faults.JournalLost.test_what_was_signed_is_sent_from_what_redis_has",
    "C15": "test_payout_recover.Recovers"
           ".test_payouts_that_only_the_chain_knows_are_booked_and_not_paid_again",
    "C16": "test_payout_faults.CrashTable.test_c16_redis_lost_its_last_seconds",
    "C17": "tests/unit/test_store.c: a_journal_older_than_redis_stops_with_an_alarm",
    "C18": "test_payout_faults.CrashTable.test_c18_redis_was_killed",
    "C19": "test_accounts.Pplns.test_what_a_killed_daemon_found_is_booked_by_the_next",
    "C20": "test_blocks.Pending.test_a_restart_sends_a_pending_block_again",
}


class Rounds(unittest.TestCase):
    """A system a class; each test is a round of its own on it."""

    seed = 0

    @classmethod
    def setUpClass(cls):
        need(nodes.is_available(), "a node (bitcoind or bcoin)")
        need(shutil.which("redis-server"), "redis-server")
        cls.broken = None
        cls.system = payfaults.System(cls.seed)
        cls.addClassCleanup(cls.system.close)

    def go(self, op, point, n, how="kill", harms=("nothing",), paid_by="pool"):
        if self.broken:
            self.fail("the system is broken: " + self.broken)
        try:
            return self.system.run_round(op, (point, n, how), harms, paid_by)
        except Broken as e:
            type(self).broken = str(e).splitlines()[0]
            raise

    def reach(self, *args, **how):
        self.assertTrue(self.go(*args, **how), f"not reached: {self.system.said}")


class CrashTable(Rounds):
    seed = 4001

    def test_c01_before_the_reserve_is_written(self):
        self.reach("run", "planned", 1)
        self.reach("run", "reserve_begins", 1, harms=("block",))

    def test_c02_the_reserve_is_in_the_journal_alone(self):
        self.reach("run", "decide_begins", 1, harms=("lose",))
        self.reach("run", "decided", 1, harms=("roll_back",), paid_by="payees")

    def test_c03_reserved_and_not_signed(self):
        self.reach("run", "settled", 1)
        self.reach("abandon", "step_begins", 1)
        self.reach("abandon", "step_written", 1, harms=("lose",))

    def test_c04_sent_to_be_signed_elsewhere(self):
        self.reach("export", "exported", 1)
        self.reach("cancel_export", "sent", 1)

    def test_c05_signed_and_not_written_down(self):
        self.reach("run", "signed_in_memory", 1)

    def test_c06_signed_and_not_sent(self):
        self.reach("run", "send_begins", 1, harms=("karizd",))

    def test_c07_sent_and_not_written_down(self):
        self.reach("run", "sent", 1, paid_by="payees")

    def test_c08_in_the_mempool_and_raised(self):
        self.reach("bump", "step_begins", 1)
        self.reach("bump", "send_begins", 1, harms=("block",))
        self.reach("cancel", "send_begins", 1)

    def test_c09_sent_and_lost_by_the_node(self):
        self.reach("run", "step_written", 2, harms=("node",))

    def test_c10_confirmed_and_not_booked(self):
        self.reach("follow", "step_begins", 2)
        self.reach("cancelled", "step_begins", 2)

    def test_c13_booked_and_taken_by_a_reorganisation(self):
        self.reach("unconfirm", "step_begins", 1)
        self.reach("unconfirm", "step_written", 1, harms=("block",))

    def test_c16_redis_lost_its_last_seconds(self):
        self.system.take_snapshot()
        self.reach("run", "sent", 1, how="stop", harms=("roll_back",))

    def test_c18_redis_was_killed(self):
        self.reach("run", "step_begins", 1, how="stop", harms=("redis",))

    def test_each_row_is_exercised(self):
        self.assertEqual(list(CRASH_TABLE), [f"C{i}" for i in range(1, 21)])
        for name in CRASH_TABLE.values():
            if ":" in name:
                path, test = name.split(": ")
                with open(os.path.join(nodes.ROOT, path)) as f:
                    self.assertIn(f"void {test}(", f.read())
                continue
            module, *rest = name.split(".")
            if os.path.exists(os.path.join(os.path.dirname(__file__), module + ".py")):
                at = importlib.import_module(module)
                for part in rest:
                    at = getattr(at, part)


class BetweenAnyTwoWrites(Rounds):
    """The journal is written, synced, sent to Redis and answered by it, event by event."""

    seed = 4002

    def every(self, point):
        """Some passings; the last one that was asked for is out of reach."""
        n = 1
        while self.go("run", point, n, paid_by=("pool", "payees")[n % 2]):
            n += 3
        self.assertGreater(n, 4, "a run has more events than that")

    def test_a_run_killed_behind_writing_an_event(self):
        self.every("event_appended")

    def test_a_run_killed_behind_giving_an_event_to_redis(self):
        self.every("event_sent")

    def test_a_run_killed_behind_the_answer_to_an_event(self):
        self.every("event_answered")

    def test_rounds_that_the_seed_chooses(self):
        reach = payfaults.Reach()
        for _ in range(4):
            payfaults.random_round(self.system, payfaults.fault_points(), reach)


class JournalLost(LeaseTest):
    """The machine of the one that pays is gone with its journal; another takes over."""

    def lose(self, fault):
        self.payer.extra = {"KARIZ_FAULT": fault}
        status, _, said = self.payer.try_run("run")
        self.assertEqual(status, payfaults.KILLED, said)
        shutil.rmtree(os.path.join(self.karizd.settings["data_dir"], "payout"))
        other = self.other()
        self.take_over(other)
        self.payer = other
        return other

    def test_what_was_signed_is_sent_from_what_redis_has(self):
        other = self.lose("send_begins:1")
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "broadcast")
        self.assertEqual(self.node.mempool(), [payout["txid"]])
        self.node.generate(1)
        self.assertEqual(other.try_run("run")[0], payfaults.NOTHING)
        self.check_paid_once()

    def test_what_was_reserved_is_owed_again_once_its_anchor_is_spent(self):
        other = self.lose("settled:1")
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "reserved")
        other.run("cancel", payout["id"])
        self.node.generate(1)
        self.assertEqual(other.try_run("run")[0], payfaults.NOTHING)
        self.node.generate(payfaults.CANCEL_CONFIRMATIONS)
        other.run("follow")
        self.assertEqual(self.ledger.balances("mature"), self.owed)
        other.run("run")
        self.check_paid_once()


if __name__ == "__main__":
    unittest.main()
