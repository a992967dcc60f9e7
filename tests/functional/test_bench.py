"""kariz-bench against a pool that is not ours, `rig` and `load`, plain and TLS; and
`schemes` on the shared vectors."""

import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

from fake_pool import FakePool
from lib.case import need
from lib.karizd import environment, program
from lib.wait import SCALE, wait_until

LOGIN = "alice.rig1"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def bench(*arguments):
    """Runs to its end: exit code, last line of standard output as JSON, standard error."""
    done = subprocess.run([program("kariz-bench"), *map(str, arguments)], timeout=60 * SCALE,
                          env=environment(), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else None, done.stderr


class BenchTest(unittest.TestCase):
    def pool(self, **how):
        pool = FakePool(**how).start()
        self.addCleanup(pool.stop)
        return pool

    def rig(self, pool, *more, scheme="stratum+tcp", host="127.0.0.1"):
        return bench("rig", "--url", f"{scheme}://{host}:{pool.port}", "--user", LOGIN,
                     "--json", *more)

    def load(self, pool, *more):
        return bench("load", "--url", f"127.0.0.1:{pool.port}", "--user", "alice.rig%d",
                     "--ramp", 0, "--json", *more)


class Rig(BenchTest):
    """The fake pool hashes each share on its own, so an accepted one is a real one."""

    def test_finds_shares_that_another_program_accepts(self):
        pool = self.pool(difficulty=1e-6)
        code, summary, _ = self.rig(pool, "--threads", 2, "--shares", 200, "--seconds", 50)
        self.assertEqual(code, 0)
        self.assertGreaterEqual(summary["accepted"], 200)
        self.assertEqual(summary["rejected"], 0, summary["reasons"])

    def test_rolls_versions_within_the_mask_and_extranonce2(self):
        pool = self.pool(difficulty=2e-6, mask=0x00C00000)
        code, summary, _ = self.rig(pool, "--shares", 300, "--seconds", 50)
        self.assertEqual((code, summary["rejected"]), (0, 0))
        self.assertEqual(pool.versions, {0, 0x400000, 0x800000, 0xC00000})
        self.assertGreater(len(pool.extranonces), 1)

    def test_without_version_rolling_never_sends_a_sixth_parameter(self):
        pool = self.pool(difficulty=1e-6)
        code, _, _ = self.rig(pool, "--no-version-rolling", "--shares", 50, "--seconds", 50)
        self.assertEqual((code, pool.versions), (0, {0}))

    def test_an_extranonce2_of_one_byte_runs_through_without_duplicates(self):
        pool = self.pool(difficulty=1e-6, extranonce2_size=1)
        code, summary, _ = self.rig(pool, "--no-version-rolling", "--shares", 300,
                                    "--seconds", 50)
        self.assertEqual((code, summary["rejected"]), (0, 0))

    def test_a_lower_difficulty_counts_at_once(self):
        pool = self.pool(difficulty=1e9)
        done = []
        rig = threading.Thread(target=lambda: done.append(
            self.rig(pool, "--shares", 5, "--seconds", 50)))
        rig.start()
        wait_until(lambda: pool.sessions, 20, "the rig is there")
        pool.on_loop(lambda p: [s.set_difficulty(1e-6) for s in p.sessions])
        rig.join()
        self.assertEqual((done[0][0], done[0][1]["rejected"]), (0, 0))

    def test_a_lost_connection_is_opened_again_and_names_its_session(self):
        pool = self.pool(difficulty=1e-6)
        done = []
        rig = threading.Thread(target=lambda: done.append(
            self.rig(pool, "--shares", 2000000, "--seconds", 8)))
        rig.start()
        wait_until(lambda: pool.counts["accepted"] > 5, 20, "shares are accepted")
        pool.on_loop(FakePool.drop_all)
        wait_until(lambda: len(pool.resumes) == 2, 20, "it came back and subscribed")
        self.assertIsNotNone(pool.resumes[-1])
        rig.join()
        self.assertEqual((done[0][0], done[0][1]["reconnects"]), (1, 1))
        self.assertIn("the time is up", done[0][1]["failure"])

    def test_a_redirect_is_followed_within_the_host_only(self):
        first, second = self.pool(difficulty=1e9), self.pool(difficulty=1e-6)
        done = []
        rig = threading.Thread(target=lambda: done.append(
            self.rig(first, "--shares", 5, "--seconds", 50)))
        rig.start()
        wait_until(lambda: first.sessions, 20, "the rig is there")
        first.on_loop(lambda p: [s.call("client.reconnect", "pool.invalid", 3333, 0)
                                 for s in p.sessions])
        first.on_loop(lambda p: [s.call("client.reconnect", "", str(second.port), 0)
                                 for s in p.sessions])
        rig.join()
        self.assertEqual(done[0][0], 0)
        self.assertEqual(first.counts["connects"], 1)
        self.assertIn("pool.invalid", done[0][2])
        self.assertGreaterEqual(second.counts["accepted"], 5)

    def test_a_refused_login_ends_it_with_the_reason(self):
        pool = self.pool(refuse="unregistered")
        code, summary, _ = self.rig(pool, "--seconds", 20)
        self.assertEqual(code, 1)
        self.assertIn("24 unregistered", summary["failure"])

    def test_the_hash_rate_limit_holds(self):
        pool = self.pool(difficulty=1e9)
        code, summary, _ = self.rig(pool, "--threads", 2, "--hash-rate", 20000,
                                    "--seconds", 3)
        self.assertEqual(code, 0)
        self.assertLess(summary["hashes_per_second"], 25000)
        self.assertGreater(summary["hashes_per_second"], 0)


class RigOverTls(BenchTest):
    @classmethod
    def setUpClass(cls):
        need(shutil.which("openssl"), "openssl")
        cls.folder = tempfile.mkdtemp(prefix="kariz-bench-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # By number: a bare system has no /etc/hosts to find a name in.
        cls.certificate, cls.context = cls.make_certificate("cert", "IP:127.0.0.1")
        cls.other, cls.other_context = cls.make_certificate("other", "DNS:other.example")

    @classmethod
    def make_certificate(cls, name, host):
        certificate = os.path.join(cls.folder, name + ".pem")
        key = os.path.join(cls.folder, name + ".key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        certificate, "-days", "2", "-subj", "/CN=" + name, "-addext",
                        "subjectAltName=" + host], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return certificate, context

    def tls_rig(self, *more, context=None):
        pool = self.pool(difficulty=1e-6, ssl=context or self.context)
        return self.rig(pool, *more, scheme="stratum+ssl", host="127.0.0.1")

    def test_mines_when_the_certificate_is_trusted(self):
        code, _, _ = self.tls_rig("--ca", self.certificate, "--shares", 20, "--seconds", 50)
        self.assertEqual(code, 0)

    def test_an_unknown_certificate_is_not_accepted(self):
        code, summary, _ = self.tls_rig("--seconds", 1)
        self.assertEqual(code, 1)
        self.assertIn("certificate not accepted", summary["failure"])

    def test_a_certificate_of_another_host_is_not_accepted(self):
        code, summary, _ = self.tls_rig("--ca", self.other, "--seconds", 1,
                                        context=self.other_context)
        self.assertEqual(code, 1)
        self.assertIn("certificate not accepted", summary["failure"])

    def test_insecure_takes_any_certificate(self):
        code, _, _ = self.tls_rig("--insecure", "--shares", 5, "--seconds", 50)
        self.assertEqual(code, 0)


class Load(BenchTest):
    def test_saturated_each_reply_is_counted_with_its_code(self):
        pool = self.pool(difficulty=1024)
        code, report, _ = self.load(pool, "--connections", 50, "--seconds", 1, "--saturate")
        shares = report["shares"]
        self.assertEqual(code, 0)
        self.assertEqual(shares["submitted"], shares["rejected"])
        self.assertEqual([(r["code"], r["count"]) for r in shares["reject_codes"]],
                         [(23, pool.counts["rejected"])])
        self.assertEqual(shares["reply"]["count"], shares["rejected"])
        self.assertGreater(shares["rejected"], 50)

    def test_a_rate_is_kept_and_valid_shares_are_accepted(self):
        pool = self.pool(difficulty=1e-6)
        code, report, _ = self.load(pool, "--connections", 10, "--seconds", 2, "--rate", 100,
                                    "--mode", "valid")
        shares = report["shares"]
        self.assertEqual((code, shares["rejected"]), (0, 0))
        seconds = shares["reply"]["count"] / shares["replies_per_second"]  # a busy machine's are long
        self.assertTrue(190 <= shares["accepted"] + shares["missed"] <= 100 * seconds + 1, shares)
        self.assertEqual(shares["accepted"], pool.counts["accepted"])

    def test_lost_connections_are_opened_again_and_every_share_is_accounted_for(self):
        pool = self.pool(difficulty=1e-6)

        def drops():
            for count in (50, 100, 150):
                wait_until(lambda: pool.counts["accepted"] >= count, 20, f"{count} shares")
                pool.on_loop(FakePool.drop_all)
            wait_until(lambda: pool.counts["accepted"] >= 200, 20, "and more behind them")

        report = self.run_load(pool, drops, "--connections", 6, "--seconds", 60, "--rate", 200,
                               "--mode", "valid", "--reconnect", "--logins")
        shares, rows = report["shares"], report["logins"]
        self.assertEqual([row["login"] for row in rows],
                         ["alice.rig%d" % i for i in range(6)])
        sums = {key: sum(s[key] for row in rows for s in row["shares"])
                for key in ("submitted", "accepted", "rejected", "unanswered")}
        self.assertEqual(sums, {key: shares[key] for key in sums})
        self.assertEqual(shares["submitted"],
                         sum(shares[k] for k in ("accepted", "rejected", "unanswered")))
        self.assertEqual({s["difficulty"] for row in rows for s in row["shares"]},
                         {"0.000001"})
        self.assertGreaterEqual(report["reconnects"], 12)
        self.assertLessEqual(shares["accepted"], pool.counts["accepted"])
        self.assertLessEqual(pool.counts["accepted"],
                             shares["accepted"] + shares["unanswered"])
        self.assertEqual(shares["rejected"], 0)

    def test_shares_are_counted_by_the_difficulty_of_their_job(self):
        pool = self.pool(difficulty=1e-6)

        def change():
            wait_until(lambda: pool.counts["accepted"] >= 50, 20, "shares come")
            pool.on_loop(lambda p: [s.set_difficulty(5e-7) for s in p.sessions])
            pool.on_loop(lambda p: p.new_job(clean=True))
            before = pool.counts["accepted"]
            wait_until(lambda: pool.counts["accepted"] >= before + 50, 20, "more come")

        report = self.run_load(pool, change, "--connections", 2, "--seconds", 60, "--rate", 200,
                               "--mode", "valid", "--logins")
        for row in report["logins"]:
            self.assertEqual([s["difficulty"] for s in row["shares"]],
                             ["0.000001", "0.0000005"])
            self.assertTrue(all(s["accepted"] > 10 for s in row["shares"]), row)
        self.assertEqual(report["shares"]["accepted"], pool.counts["accepted"])

    def run_load(self, pool, meanwhile, *more):
        """The report of a load that is ended with SIGTERM after `meanwhile`."""
        load = subprocess.Popen(
            [program("kariz-bench"), "load", "--url", f"127.0.0.1:{pool.port}", "--user",
             "alice.rig%d", "--ramp", "0", "--json", *map(str, more)],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            meanwhile()
            load.terminate()
            out, _ = load.communicate(timeout=20 * SCALE)
        finally:
            load.kill()
            load.wait()
        self.assertEqual(load.returncode, 0)
        return json.loads(out)

    def test_valid_shares_at_a_high_difficulty_are_said_to_be_too_hard(self):
        code, report, _ = self.load(self.pool(difficulty=1024), "--connections", 1,
                                    "--seconds", 1, "--rate", 1, "--mode", "valid")
        self.assertEqual(code, 1)
        self.assertIn("difficulty is too high", report["failure"])

    def test_each_session_is_timed_from_the_block_to_its_job(self):
        pool = self.pool(difficulty=1024)
        node = FakeTipNode(pool)
        self.addCleanup(node.close)
        code, report, _ = self.load(pool, "--connections", 40, "--seconds", 4, "--node",
                                    f"http://127.0.0.1:{node.port}", "--node-cookie",
                                    node.cookie, "--generate-every", 1)
        blocks = report["blocks"]
        self.assertEqual(code, 0, report["failure"])
        self.assertEqual((blocks["made"], blocks["seen"]), (node.calls, node.calls))
        self.assertEqual(blocks["call_to_job"]["count"], 40 * node.calls)
        self.assertEqual(blocks["call_to_full_job"]["count"], 40 * node.calls)
        self.assertGreater(blocks["call_to_job"]["p50_ms"], 0)
        self.assertGreater(blocks["call_to_job"]["p50_ms"], blocks["return_to_job"]["p50_ms"])

    def test_another_computer_is_refused_without_remote_ok(self):
        code, report, text = bench("load", "--url", "192.0.2.1:3333", "--user", LOGIN)
        self.assertEqual((code, report), (1, None))
        self.assertIn("--remote-ok", text)

    def test_more_connections_than_open_files_are_refused_at_once(self):
        code, _, text = bench("load", "--url", "127.0.0.1:1", "--user", LOGIN,
                              "--connections", 1000000)
        self.assertEqual(code, 1)
        self.assertIn("hard limit", text)

    def test_refused_logins_are_reported(self):
        code, report, _ = self.load(self.pool(refuse="not active"), "--connections", 3)
        self.assertEqual(code, 1)
        self.assertEqual(report["problems"],
                         [{"text": "login refused: 24 not active", "count": 3}])


class Schemes(unittest.TestCase):
    """The shared accounting vectors through the program, and a wrong one of them."""

    FILES = {"largest_remainder.json": 23, "work_units.json": 11, "schemes.json": 26,
             "coinbase_direct.json": 10, "ledger_trace.json": 23}

    def setUp(self):
        self.vectors = os.environ.get("KARIZ_VECTORS") or os.path.join(
            ROOT, "..", "shared", "vectors")
        need(os.path.isdir(self.vectors), "../shared/vectors")
        self.folder = tempfile.mkdtemp(prefix="kariz-bench-")
        self.addCleanup(shutil.rmtree, self.folder)

    def schemes(self, *arguments):
        done = subprocess.run([program("kariz-bench"), "schemes", *arguments],
                              timeout=60 * SCALE, env=environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def case_file(self, name):
        return os.path.join(self.vectors, "accounting", name)

    def changed(self, change):
        """schemes.json with `change` made to its cases."""
        with open(self.case_file("schemes.json"), encoding="utf-8") as f:
            cases = json.load(f)
        change(cases["cases"])
        path = os.path.join(self.folder, "changed.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(cases, f)
        return path

    def test_all_cases_of_all_files_come_out(self):
        for name, count in self.FILES.items():
            with self.subTest(file=name):
                code, lines, errors = self.schemes(self.case_file(name))
                self.assertEqual((code, lines, errors), (0, [f"{count} passed, 0 failed"], ""))

    def test_a_satoshi_too_much_is_named_with_what_was_expected_and_got(self):
        def change(cases):
            cases[0]["net"]["m000003"] += 1
        code, lines, _ = self.schemes(self.changed(change))
        self.assertEqual(code, 1)
        self.assertEqual(lines, [
            "window of 2 blocks of 64 units, partial last share: net of m000003: "
            "expected 19335939, got 19335938", "25 passed, 1 failed"])

    def test_what_is_no_file_of_cases_is_no_success(self):
        path = os.path.join(self.folder, "other.json")
        for text in ("{", "[]", '{"cases": []}'):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            code, lines, errors = self.schemes(path)
            self.assertEqual((code, lines), (2, []))
            self.assertIn(path, errors)
        self.assertEqual(self.schemes(self.case_file("crash_matrix.json"))[0], 2)
        self.assertEqual(self.schemes(path + ".none")[0], 2)
        self.assertEqual(self.schemes()[0], 2)


class FakeTipNode:
    """Answers generatetoaddress with a made-up hash, which becomes the pool's tip."""

    def __init__(self, pool):
        self.calls = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                shown = outer.new_tip(pool)
                body = json.dumps({"result": [shown], "error": None, "id": 1}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.folder = tempfile.mkdtemp(prefix="kariz-bench-")
        self.cookie = os.path.join(self.folder, "cookie")
        with open(os.open(self.cookie, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write("__cookie__:made-up")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def new_tip(self, pool):
        self.calls += 1
        inside = hashlib.sha256(b"tip %d" % self.calls).digest()
        words = b"".join(inside[i:i + 4][::-1] for i in range(0, 32, 4))
        pool.on_loop(lambda p: p.new_job(clean=True, prevhash=words))
        return inside[::-1].hex()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder)
