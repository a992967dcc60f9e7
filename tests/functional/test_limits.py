"""Clients that misbehave: bounded, counted, and of no effect on others."""

import socket
import time

from lib.case import KarizTest
from lib.karizd import listener
from lib.rig import Closed, Rig
from lib.wait import SCALE, wait_until


class Limits(KarizTest):
    settings = {
        "stratum": {
            "listen": [listener()],
            "resend_seconds": 5,
            "limits": {"line_bytes": 4096, "output_bytes": 16384,
                       "first_request_seconds": 3, "authorize_seconds": 5},
        },
    }

    def counter(self, name):
        return self.karizd.status()["stratum"][name]

    def test_a_giant_line_is_closed_and_counted(self):
        before = self.counter("closed_line_too_long")
        rig = self.rig()
        with self.assertRaises((Closed, OSError, AssertionError)):
            for _ in range(2000):
                rig.send_bytes(b"x" * 4096)
            rig.wait_closed(3)
            raise Closed()
        wait_until(lambda: self.counter("closed_line_too_long") == before + 1, 5)

    def test_a_slow_reader_is_closed_and_others_are_not_disturbed(self):
        before = self.counter("closed_slow_reader")
        other = self.ready_rig("alice.fast")
        slow = self.rig()
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.subscribe()
        line = b'{"id":"' + b"i" * 900 + b'","method":"mining.ping","params":[]}\n'
        slow.socket.settimeout(2)
        deadline = time.monotonic() + 30 * SCALE
        try:
            while self.counter("closed_slow_reader") == before:
                self.assertLess(time.monotonic(), deadline, "the slow reader is closed")
                try:
                    slow.socket.sendall(line * 200)
                except (TimeoutError, socket.timeout):
                    pass
        except ConnectionError:
            pass
        wait_until(lambda: self.counter("closed_slow_reader") == before + 1, 5)
        other.mine()

    def test_a_silent_connection_is_closed_after_the_time_for_a_first_request(self):
        rig = self.rig()
        started = time.monotonic()
        rig.wait_closed(8)
        self.assertGreater(time.monotonic() - started, 2)

    def test_a_session_that_never_authorizes_is_closed(self):
        rig = self.rig()
        rig.subscribe()
        rig.wait_closed(12)

    def test_a_job_is_sent_again_when_nothing_was_sent_for_a_while(self):
        rig = self.ready_rig()
        rig.notes.clear()
        first = rig.job
        rig.wait_note("mining.notify", 8)
        self.assertGreaterEqual(int(rig.job.ntime, 16), int(first.ntime, 16))
        self.assertIs(rig.job.clean, False)

    def test_a_reconnect_storm_is_served(self):
        for _ in range(3):
            rigs = [Rig(self.karizd.address()) for _ in range(60)]
            calls = [rig.start_call("mining.subscribe", "storm/1") for rig in rigs]
            for rig, call in zip(rigs, calls):
                self.assertIsNone(rig.finish_call(call)["error"])
                rig.close()
        wait_until(lambda: self.counter("sessions") == 0, 15, "all sessions have ended")

    def test_a_farm_behind_one_address_is_no_attack(self):
        address = self.karizd.address()
        rigs = [Rig(address) for _ in range(100)]
        extranonces = set()
        for i, rig in enumerate(rigs):
            self.addCleanup(rig.close)
            rig.ready(f"alice.rig{i}")
            extranonces.add(rig.extranonce1)
        self.assertEqual(len(extranonces), 100)

    def test_http_and_tls_on_the_plain_port_are_counted(self):
        http, tls = self.counter("closed_http"), self.counter("closed_tls_on_plain")
        rig = self.rig()
        rig.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        rig.wait_closed(3)
        rig = self.rig()
        rig.send_bytes(bytes.fromhex("160301002f0100002b0303") + bytes(60))
        rig.wait_closed(3)
        wait_until(lambda: self.counter("closed_http") == http + 1, 5)
        wait_until(lambda: self.counter("closed_tls_on_plain") == tls + 1, 5)


class Bans(KarizTest):
    settings = {
        "stratum": {"listen": [listener()], "limits": {"ban_score": 5, "ban_seconds": 60}},
    }
    miners = ("alice", "bob")

    def test_malformed_lines_ban_address_and_login_together_and_no_other_login(self):
        bad = self.ready_rig("alice.bad")
        for _ in range(10):
            try:
                bad.send_bytes(b"garbage\n")
            except OSError:
                break
        bad.wait_closed(5)
        self.ready_rig("bob.good").mine()


class SessionLimits(KarizTest):
    settings = {
        "stratum": {"listen": [listener()], "limits": {"sessions_per_miner": 3}},
    }
    miners = ("alice", "bob")

    def test_a_miners_sessions_are_capped_by_name_and_not_by_address(self):
        rigs = [self.ready_rig(f"alice.{i}") for i in range(3)]
        extra = self.rig()
        extra.subscribe()
        self.assert_error(extra.authorize("alice.4"), 24)
        self.ready_rig("bob.1")
        rigs[0].close()

        def again():
            return extra.authorize("alice.4")["result"] is True
        wait_until(again, 5, "room after one left")
