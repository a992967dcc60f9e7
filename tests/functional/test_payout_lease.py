"""Who may pay: one kariz-payout at a time, also when one was stopped, and its daemon."""

import json
import os
import shutil
import signal
import tempfile

from lib import bitcoin, processes
from lib.karizd import REPORTS, environment, merged, program
from lib.payer import PASSPHRASE, Payer
from lib.payfaults import CANCEL_CONFIRMATIONS, Chain, is_stopped
from lib.wait import wait_until
from test_payout import PayoutTest

WAITS = 4  # exit status


class LeaseTest(PayoutTest):
    def setUp(self):
        super().setUp()
        self.earn()
        self.owed = self.ledger.balances("mature")
        self.chain = Chain(self.node, {bitcoin.segwit_script(bitcoin.demo_program(m)): m
                                       for m in self.miners})
        self.before = set(self.chain.look()[0])  # of the tests before, on the same node

    def other(self, name="other"):
        """A second machine's kariz-payout: a journal and an instance of its own, the same
        Redis and nodes."""
        folder = tempfile.mkdtemp(prefix="kariz-other-")
        self.addCleanup(shutil.rmtree, folder, True)
        settings = merged(self.karizd.settings, {
            "instance": name, "data_dir": folder, "redis": "unix://" + self.ledger.path})
        path = os.path.join(folder, "kariz.json")
        with open(path, "w") as f:
            json.dump(settings, f)
        return Payer(folder, path)

    def start(self, payer, *words, fault=None):
        payer.extra = {"KARIZ_FAULT": fault} if fault else {}
        process = payer.start(*words)
        if fault:
            wait_until(lambda: is_stopped(process) or process.poll() is not None, 60,
                       "kariz-payout stops")
            self.assertTrue(is_stopped(process), f"{fault} was not reached")
            self.addCleanup(process.kill)
        return process

    def go_on(self, payer):
        """(exit status, standard output, standard error)"""
        payer.process.send_signal(signal.SIGCONT)
        return payer.finish()

    def take_over(self, payer):
        """Follows as soon as the lease of the other has run out; two proofs, a block apart,
        are what it needs to reserve as well."""
        said = []

        def has_it():
            said.append(payer.try_run("follow"))
            self.assertIn(said[-1][0], (0, WAITS), said[-1])
            return said[-1][0] == 0

        wait_until(has_it, 30, "the lease is taken over", every=0.2)
        self.assertIn("taken over from another journal", payer.run("run", expect=WAITS))

    def take_over_and_pay(self, payer):
        self.take_over(payer)
        self.node.generate(1)
        payer.run("run")

    def check_paid_once(self):
        """Confirmed, and each miner has on the chain what was owed, to the satoshi."""
        self.confirm(2)
        found = [p for p in self.payer.payouts() if p["state"] != "cancelled"]
        self.assertEqual([p["state"] for p in found], ["confirmed"])
        pays = [sums for txid, sums in self.chain.look()[0].items() if txid not in self.before]
        self.assertEqual(pays, [self.owed])
        self.assertEqual(self.ledger.balances("mature"), {})
        self.assertEqual([a for a in self.ledger.accounts() if a.startswith("reserved:")], [])
        self.check_ledger()


class OfOneJournal(LeaseTest):
    def test_of_two_started_at_once_one_pays_and_the_other_says_why_not(self):
        first, second = Payer(*self.place()), Payer(*self.place())
        self.start(first, "run", fault="planned:1:stop")
        status, _, said = second.try_run("run")
        self.assertEqual(status, WAITS)
        self.assertRegex(said, r"^kariz-payout: another kariz-payout works in \S+/payout\n$")
        self.assertEqual(self.go_on(first)[0], 0)
        self.check_paid_once()

    def test_of_two_that_race_each_time_only_one_pays(self):
        racers = [Payer(*self.place()) for _ in range(2)]
        started = [(p, self.start(p, "run")) for p in racers]
        ends = sorted(p.finish(process)[0] for p, process in started)
        # The second may come when the first is through: then there is nothing to pay.
        self.assertIn(ends, ([0, 3], [0, WAITS]))
        self.check_paid_once()

    def place(self):
        return self.karizd.folder, self.karizd.config


class OfTwoJournals(LeaseTest):
    def test_the_holder_is_named_and_gives_the_lease_back(self):
        other = self.other()
        self.start(self.payer, "run", fault="planned:1:stop")
        status, _, said = other.try_run("run")
        self.assertEqual(status, WAITS)
        self.assertRegex(said, r"^kariz-payout: another kariz-payout pays \(\S+, process "
                               rf"{self.payer.process.pid}\); it can be followed in \d+ s if "
                               r"it is silent until then\n$")
        self.assertEqual(self.go_on(self.payer)[0], 0)
        self.payer.extra = {}
        # It ended in good order, so nobody has to wait; and nothing is left to pay.
        self.assertEqual(other.try_run("run")[0], 3)
        self.check_paid_once()

    def test_of_two_that_race_only_one_pays(self):
        racers = [self.payer, self.other()]
        started = [(p, self.start(p, "run")) for p in racers]
        ends = sorted(p.finish(process)[0] for p, process in started)
        self.assertIn(ends, ([0, 3], [0, WAITS]))
        self.check_paid_once()

    def test_a_stale_one_that_is_about_to_reserve_is_refused_by_its_token(self):
        """Behind its own look at the lease: only Redis can still refuse it."""
        other = self.other()
        self.start(self.payer, "run", fault="reserve_begins:1:stop")
        self.take_over_and_pay(other)
        status, _, said = self.go_on(self.payer)
        self.payer.extra = {}
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"^kariz-payout: payout \S+ was not reserved: .*token.* changed "
                               r"meanwhile\n$")
        self.check_paid_once()

    def test_a_stale_one_that_had_planned_sees_that_its_lease_is_gone(self):
        other = self.other()
        self.start(self.payer, "run", fault="planned:1:stop")
        self.take_over_and_pay(other)
        status, _, said = self.go_on(self.payer)
        self.payer.extra = {}
        self.assertEqual(status, WAITS)
        self.assertEqual(said, "kariz-payout: the lease was lost: another pays now\n")
        self.check_paid_once()

    def test_a_stale_one_that_had_signed_sends_the_same_bytes(self):
        other = self.other()
        self.start(self.payer, "run", fault="send_begins:1:stop")
        self.take_over(other)
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "broadcast")
        self.assertIn(payout["txid"], self.node.mempool())
        self.go_on(self.payer)
        self.payer.extra = {}
        self.assertEqual(self.node.mempool(), [payout["txid"]])
        self.check_paid_once()

    def test_a_stale_one_does_not_undo_what_the_other_booked(self):
        """Stopped before it writes "broadcast"; meanwhile the payout is booked as paid."""
        status, said = self.booked_by_another("sent:1:stop")
        self.assertEqual((status, said),
                         (WAITS, "kariz-payout: the lease was lost: another pays now\n"))

    def test_a_stale_one_that_was_writing_makes_nobody_paid_twice(self):
        """Behind its look at the lease: it writes, and what it writes is old."""
        self.booked_by_another("step_begins:2:stop")

    def booked_by_another(self, fault):
        other = self.other()
        self.start(self.payer, "run", fault=fault)
        self.take_over(other)
        self.node.generate(2)
        other.run("follow")
        self.assertEqual([p["state"] for p in other.payouts()], ["confirmed"])
        status, _, said = self.go_on(self.payer)
        self.payer.extra = {}
        for payer in (other, self.payer):
            payer.run("follow")
            self.check_ledger()
        self.check_paid_once()
        return status, said

    def test_what_another_reserved_is_taken_back_by_its_first_coin_alone(self):
        """It may be signed at this moment: to give it up would be to pay it twice."""
        other = self.other()
        self.start(self.payer, "run", fault="sign_begins:1:stop")
        self.take_over(other)
        (payout,) = other.payouts()
        self.assertEqual(payout["state"], "reserved")
        other.run("cancel", payout["id"])
        (cancelled,) = other.payouts()
        self.assertIn(cancelled["txid"], self.node.mempool())
        self.node.generate(1)
        self.assertEqual(other.try_run("run")[0], 3)
        status, _, said = self.go_on(self.payer)
        self.payer.extra = {}
        self.assertEqual((status, said),
                         (WAITS, "kariz-payout: the lease was lost: another pays now\n"))
        self.node.generate(CANCEL_CONFIRMATIONS)
        other.run("follow")
        self.assertEqual([p["state"] for p in other.payouts()], ["cancelled"])
        self.assertEqual(self.ledger.balances("mature"), self.owed)
        other.run("run")
        self.check_paid_once()

    def test_two_journals_do_not_share_an_instance(self):
        other = self.other(self.karizd.settings["instance"])
        self.payer.run("follow")
        status, _, said = other.try_run("run")
        self.assertEqual(status, 1)
        self.assertIn("kariz-payout: Redis: another journal wrote", said)
        self.payer.run("run")
        self.check_paid_once()


class DaemonTest(LeaseTest):
    def start_daemon(self):
        credentials = os.path.join(self.keys, "credentials")
        os.makedirs(credentials, exist_ok=True)
        with open(os.path.join(credentials, "kariz-wallet"), "w") as f:
            f.write(PASSPHRASE + "\n")
        log = open(os.path.join(self.keys, "log"), "ab")
        process = processes.start(
            [program("kariz-payout"), "--conf", self.karizd.config, "daemon"], stderr=log,
            env={**environment(), "CREDENTIALS_DIRECTORY": credentials})
        log.close()
        self.addCleanup(process.kill)
        return process

    def log(self):
        with open(os.path.join(self.keys, "log"), errors="replace") as f:
            return f.read()

    def stop_daemon(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.log())
        self.assertIsNone(REPORTS.search(self.log()), self.log())
        self.assertIn("payout_stopped", self.log())

    def states(self):
        return [p["state"] for p in self.payer.payouts()]


class Daemon(DaemonTest):
    payout = {**PayoutTest.payout, "every_blocks": 1}

    def test_it_pays_by_itself_is_killed_goes_on_and_stops_when_told(self):
        daemon = self.start_daemon()
        wait_until(lambda: self.states() == ["broadcast"], 60, "it pays", every=0.3)
        self.assertEqual(self.ledger.balances("mature"), {})
        status, _, said = self.payer.try_run("run")
        self.assertEqual(status, WAITS)
        self.assertIn("another kariz-payout works in", said)
        daemon.kill()
        daemon.wait()
        self.node.generate(2)
        daemon = self.start_daemon()
        wait_until(lambda: self.states() == ["confirmed"], 60, "it follows", every=0.3)
        self.stop_daemon(daemon)
        self.check_paid_once()
        self.assertNotIn(PASSPHRASE, self.log())

    def test_killed_at_any_time_it_pays_once(self):
        for fault in ("reserved:1", "signed_in_memory:1", "send_begins:1"):
            os.environ["KARIZ_FAULT"] = fault
            self.addCleanup(os.environ.pop, "KARIZ_FAULT", None)
            self.assertEqual(self.start_daemon().wait(60), -signal.SIGKILL, fault)
        os.environ.pop("KARIZ_FAULT")
        daemon = self.start_daemon()
        wait_until(lambda: self.states() == ["broadcast"], 60, "it pays", every=0.3)
        self.stop_daemon(daemon)
        self.check_paid_once()


class DaemonByTheClock(DaemonTest):
    payout = {**PayoutTest.payout, "at": "00:00"}

    def test_who_waits_for_change_is_paid_as_soon_as_it_comes(self):
        self.karizd.ctl("miner", "suspend", "carol", "--reason", "suspicion", "--basis", "order 7")
        wait_until(lambda: "carol" in self.ledger.balances("held"), 10, "a hold")
        self.payer.run("run")
        self.karizd.ctl("miner", "resume", "carol", "--basis", "order 8")
        wait_until(lambda: "carol" in self.ledger.balances("mature"), 10, "a release")
        daemon = self.start_daemon()
        wait_until(lambda: "nobody can be paid now" in self.log(), 60, "it tried", every=0.3)
        self.assertEqual(self.states(), ["broadcast"])
        self.node.generate(1)  # the change is not booked yet
        self.node.generate(1)
        wait_until(lambda: sorted(self.states()) == ["broadcast", "confirmed"], 60,
                   "the rest is paid", every=0.3)
        self.stop_daemon(daemon)
        self.assertEqual(self.ledger.balances("mature"), {})
        self.confirm()
        self.assertEqual(self.states(), ["confirmed", "confirmed"])
        self.check_ledger()
