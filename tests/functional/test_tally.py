"""Every acknowledged share is credited once, whatever dies in between."""

import os
import signal
import threading
import time

from lib import bitcoin
from lib.case import KarizTest
from lib.fakenode import FakeNode
from lib.karizd import listener
from lib.wait import wait_until

UNIT = 1  # hashes a unit of work on regtest


class Tally(KarizTest):
    """A fake node with mainnet's difficulty: shares of any difficulty are no blocks."""

    miners = ("alice", "bob")
    settings = {
        "stratum": {
            "listen": [listener(difficulty=1e-6, minimum=1e-7, maximum=1e15)],
            "vardiff": {"minimum": 1e-7, "maximum": 1e15},
        },
    }

    @classmethod
    def make_nodes(cls):
        node = FakeNode().start()
        cls.addClassCleanup(node.stop)
        return [node]

    def row(self, miner):
        row = self.karizd.miner(miner)
        return {k: int(row.get(k, 0)) for k in ("work", "accepted", "refused")}

    def wait_row(self, miner, **expected):
        def fits():
            row = self.row(miner)
            return all(row[k] == v for k, v in expected.items())
        try:
            wait_until(fits, 15)
        except AssertionError:
            raise AssertionError(f"{miner} has {self.row(miner)}, not {expected}") from None

    def mine(self, rig, count):
        """Sends shares; the work that the wire says they are worth."""
        work = 0
        for _ in range(count):
            share = rig.mine("any")
            work += bitcoin.work_of_difficulty(share.job.difficulty, UNIT)
        return work

    def test_work_is_the_sum_of_the_difficulties_that_were_sent(self):
        start = self.row("alice")
        work, count = 0, 0
        for password in ("fd=0.000001", "fd=0.0000005", "fd=0.000002"):
            rig = self.ready_rig("alice.rig-" + password[-1], password=password)
            work += self.mine(rig, 20)
            count += 20
        self.wait_row("alice", work=start["work"] + work, accepted=start["accepted"] + count)

    def test_refused_shares_earn_nothing_and_are_counted(self):
        start = self.row("bob")
        rig = self.ready_rig("bob.rig", password="fd=0.000001")
        work = self.mine(rig, 3)
        share = rig.mine("any")
        work += bitcoin.work_of_difficulty(share.job.difficulty, UNIT)
        self.assert_error(rig.submit(share), 22)
        self.assert_error(rig.submit(rig.find(kind="low")), 23)
        self.wait_row("bob", work=start["work"] + work, accepted=start["accepted"] + 4,
                      refused=start["refused"] + 2)
        refused = self.karizd.status()["shares"]["refused"]
        self.assertGreaterEqual(refused.get("duplicate", 0), 1)
        self.assertGreaterEqual(refused.get("low_difficulty", 0), 1)

        def reasons():
            return self.karizd.ask("miner", "show", "bob").get("refused_today")
        wait_until(lambda: reasons() == {"duplicate": 1, "low_difficulty": 1}, 10,
                   "each refusal of the miner under its reason")
        self.assertEqual(self.karizd.ask("miner", "show", "alice")["refused_today"], {})

    def test_hash_rates_of_a_minute_to_a_day_come_from_the_same_work(self):
        rig = self.ready_rig("alice.rates", password="fd=0.000001")
        self.mine(rig, 5)

        def rates():
            rows = [w for w in self.karizd.ask("workers", "alice") if w["worker"] == "rates"]
            return rows[0]["hashrate"] if rows and rows[0]["accepted"] == 5 else None
        wait_until(rates, 10, "the worker's rates")
        rates = rates()
        self.assertEqual(set(rates), {"1m", "10m", "1h", "24h"})
        self.assertGreater(rates["1m"], rates["10m"])
        self.assertGreater(rates["10m"], rates["1h"])
        self.assertGreater(rates["1h"], rates["24h"])
        self.assertGreater(rates["24h"], 0)
        self.assertEqual(set(self.karizd.status()["hashrate"]), set(rates))

    def test_workers_are_listed_with_their_own_work(self):
        rig = self.ready_rig("bob.worker-7", password="fd=0.000001")
        work = self.mine(rig, 2)

        def listed():
            return [w for w in self.karizd.ask("workers", "bob")
                    if w["worker"] == "worker-7" and int(w["work"]) == work]
        wait_until(listed, 10, "the worker with its work")

    def test_the_best_share_of_a_worker_is_kept(self):
        """To settle whether a rig's "block found" was one (Q65)."""
        rig = self.ready_rig("bob.best", password="fd=0.000001")
        best = max((2**224 / rig.mine("any").number for _ in range(5)))

        def kept():
            rows = [w for w in self.karizd.ask("workers", "bob") if w["worker"] == "best"]
            return rows and abs(rows[0].get("best_difficulty", 0) / best - 1) < 0.001
        wait_until(kept, 10, f"best difficulty {best}")

    def test_a_killed_redis_comes_back_and_no_share_is_lost_or_doubled(self):
        start = {m: self.row(m) for m in self.miners}
        stop = threading.Event()
        done = {}

        def work_on(miner):
            rig = self.ready_rig(miner + ".load", password="fd=0.0000002")
            work = count = 0
            while not stop.is_set():
                share = rig.find(kind="any")
                reply = rig.submit(share)
                if reply["result"] is True:
                    work += bitcoin.work_of_difficulty(share.job.difficulty, UNIT)
                    count += 1
            done[miner] = (work, count)

        threads = [threading.Thread(target=work_on, args=(m,)) for m in self.miners]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                pid = self.karizd.redis_pid()
                accepted = self.karizd.status()["shares"]["accepted"]
                wait_until(lambda: self.karizd.status()["shares"]["accepted"] > accepted + 50,
                           20, "shares flow")
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: self.karizd.redis_pid() not in (None, 0, pid), 20,
                           "another redis-server runs")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        for miner, (work, count) in done.items():
            self.assertGreater(count, 50)
            self.wait_row(miner, work=start[miner]["work"] + work,
                          accepted=start[miner]["accepted"] + count)

    def test_a_clean_stop_keeps_every_share(self):
        start = self.row("alice")
        rig = self.ready_rig("alice.rig", password="fd=0.000001")
        work = self.mine(rig, 10)
        self.karizd.stop()
        self.karizd.start()
        self.wait_row("alice", work=start["work"] + work, accepted=start["accepted"] + 10)


class Difficulty(KarizTest):
    miners = ("alice",)
    settings = {
        "stratum": {
            "listen": [listener(difficulty=1e-7, minimum=1e-7, maximum=1e15)],
            "vardiff": {"minimum": 1e-7, "maximum": 1e15},
        },
    }

    @classmethod
    def make_nodes(cls):
        node = FakeNode().start()
        cls.addClassCleanup(node.stop)
        return [node]

    def test_a_fast_rig_is_raised_in_its_first_seconds_without_a_reject(self):
        rig = self.ready_rig("alice.fast")
        first = float(rig.difficulty)
        deadline = time.monotonic() + 20
        while float(rig.difficulty) < 4 * first:
            self.assertLess(time.monotonic(), deadline, "raised within 20 s")
            rig.mine("any")
        for _ in range(3):
            rig.mine("any")

    def test_a_new_difficulty_is_always_followed_by_a_job(self):
        rig = self.ready_rig("alice.order")
        rig.notes.clear()
        rig.authorize("alice.order", "fd=0.000002")
        rig.wait_note("mining.set_difficulty")
        rig.wait_note("mining.notify")
        self.assertEqual(float(rig.job.difficulty), 0.000002)

    def test_reload_changes_the_start_difficulty_of_new_sessions(self):
        self.karizd.write_settings(stratum={"listen": [
            listener(difficulty=5e-7, minimum=1e-7, maximum=1e15)]})
        self.karizd.ctl("reload")
        wait_until(lambda: float(self.ready_rig("alice.new").difficulty) == 5e-7, 5)
