"""The program itself: settings, listeners, control socket, reload, stop."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import shutil
import unittest

from lib import bitcoin
from lib.case import KarizTest
from lib.karizd import Karizd, check_settings, environment, listener, program
from lib.node import ROOT
from lib.wait import wait_until

GOOD = {
    "network": "regtest",
    "data_dir": "/tmp/kariz-check",
    "nodes": [{"url": "http://127.0.0.1:18443", "user": "u", "password_file": "/tmp/none"}],
    "stratum": {"listen": [{"address": "127.0.0.1:0", "difficulty": 1}],
                "vardiff": {"minimum": 0.001, "maximum": 1000000}},
    "coinbase": {"tag": "/x/", "address": bitcoin.demo_address("operator")},
    "control": {"socket": "/tmp/kariz-check.sock"},
}

# Keys of examples: whoever pays them pays everybody.
KEY = "02ff12471208c14bd580709cb2358d98975247d8765f92bc25eab3b2763ed605f8"
PRIVATE = "cVpF924EspNh8KjYsfhgY96mmxvT6DgdWiTYMtMjuM74hJaU5psW"


def lay(path, value):
    """GOOD with one thing changed, as text with a key a line."""
    settings = json.loads(json.dumps(GOOD))
    at, keys = settings, path.split(".")
    for key in keys[:-1]:
        at = at[int(key)] if isinstance(at, list) else at.setdefault(key, {})
    at[keys[-1]] = value
    return json.dumps(settings, indent=1)


# (what is wrong, the file, the key that must be named, text of the line it must point at)
BROKEN = [
    ("unknown key", lay("coinbase.adress", "x"), "adress", '"adress"'),
    ("unknown top key", lay("colour", "red"), "colour", '"colour"'),
    ("wrong type", lay("stratum.threads", "four"), "threads", '"threads"'),
    ("text for a list", lay("stratum.listen", "0.0.0.0:3333"), "listen", '"listen"'),
    ("below the bound", lay("stratum.resend_seconds", 0), "resend_seconds", '"resend_seconds"'),
    ("above the bound", lay("stratum.threads", 1000000), "threads", '"threads"'),
    ("unknown network", lay("network", "mainnet"), "network", '"network"'),
    ("no address of the pool", lay("coinbase", {"tag": "/x/"}), "coinbase.address", None),
    ("bad address", lay("coinbase.address", "bcrt1qnonsense"), "address", '"address": "bcrt'),
    ("address of another network",
     lay("coinbase.address", bitcoin.segwit_address(bytes(20), "bc")), "address", '"bc1'),
    ("address and descriptor", lay("coinbase.descriptor", f"wpkh({KEY})"),
     "coinbase.descriptor", '"descriptor"'),
    ("bad descriptor", lay("coinbase", {"descriptor": f"wpkh({KEY}"}),
     "coinbase.descriptor", '"descriptor"'),
    ("descriptor with a wrong checksum",
     lay("coinbase", {"descriptor": f"wpkh({KEY})#qqqqqqqq"}), "character", '"descriptor"'),
    ("descriptor with a private key", lay("coinbase", {"descriptor": f"wpkh({PRIVATE})"}),
     "never holds a key that can spend", '"descriptor"'),
    ("tag too long", lay("coinbase.tag", "x" * 65), "tag", '"tag"'),
    ("listener without port", lay("stratum.listen.0.address", "127.0.0.1"),
     "stratum.listen[0]", None),
    ("minimum above maximum", lay("stratum.vardiff.minimum", 2000000), "minimum", None),
    ("TLS without certificate", lay("stratum.listen.0.tls", True), "certificate", None),
    ("PROXY without peers", lay("stratum.listen.0.proxy_protocol", True), "proxy_peers", None),
    ("extranonce2 too short", lay("stratum.listen.0.extranonce2_size", 3),
     "extranonce2_size", '"extranonce2_size"'),
    ("node without URL", lay("nodes", [{"user": "u"}]), "url", None),
    ("unknown log level", lay("log", {"level": "loud"}), "level", '"level"'),
    ("mask outside the allowed bits", lay("stratum.version_mask", "ffffffff"),
     "version_mask", '"version_mask"'),
    ("not JSON", '{\n "network": "regtest",\n "data_dir" "x"\n}\n', "", '"data_dir" "x"'),
    ("empty file", "", "", None),
    ("a list", "[]", "", None),
]


class Settings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="kariz-settings-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, "kariz.json")

    def check(self, text):
        with open(self.path, "w") as f:
            f.write(text)
        return check_settings(self.path)

    def test_good_settings_pass_the_check(self):
        code, said = self.check(json.dumps(GOOD))
        self.assertEqual(code, 0, said)

    def test_broken_settings_are_refused_with_file_line_and_key(self):
        for what, text, key, line_text in BROKEN:
            with self.subTest(what):
                code, said = self.check(text)
                self.assertNotEqual(code, 0, said)
                self.assertIn(self.path, said)
                self.assertIn(key, said)
                if line_text:
                    lines = [i for i, l in enumerate(text.splitlines(), 1) if line_text in l]
                    self.assertIn(f"{self.path}:{lines[0]}:", said)

    def test_a_file_that_is_not_there_is_refused(self):
        code, said = check_settings(os.path.join(self.folder, "none.json"))
        self.assertNotEqual(code, 0)
        self.assertIn("none.json", said)

    def test_the_example_is_good_but_for_what_only_the_operator_knows(self):
        path = os.path.join(ROOT, "conf/kariz.example.json")
        with open(path) as f:
            json.load(f)
        code, said = check_settings(path)
        self.assertEqual(code, 0, said)

    def test_help_and_usage(self):
        for name in ("karizd", "karizctl", "kariz-bench"):
            done = subprocess.run([program(name), "--help"], capture_output=True, text=True,
                                  env=environment())
            self.assertEqual(done.returncode, 0, name)
            self.assertIn(name, done.stdout)
            done = subprocess.run([program(name), "--no-such-option"], capture_output=True,
                                  text=True, env=environment())
            self.assertEqual(done.returncode, 2, name)

    def test_karizctl_without_a_daemon_says_so(self):
        done = subprocess.run(
            [program("karizctl"), "--socket", os.path.join(self.folder, "none"), "status"],
            capture_output=True, text=True, env=environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("none", done.stderr)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Daemon(KarizTest):
    settings = {"stratum": {"listen": [listener(), listener(address="127.0.0.1:0")]}}

    def test_the_control_socket_is_for_owner_and_group_only(self):
        path = self.karizd.settings["control"]["socket"]
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)

    def test_two_listeners_have_two_ports(self):
        self.assertNotEqual(self.karizd.address(0)[1], self.karizd.address(1)[1])
        for i in range(2):
            self.ready_rig(listener=i).mine()

    def test_status_has_what_operators_read(self):
        status = self.karizd.status()
        for key in ("version", "instance", "network", "uptime_ms", "listeners",
                    "node_in_use", "nodes", "height", "job_id", "sessions", "stratum",
                    "hashrate", "shares", "blocks", "proposal", "redis", "miners"):
            self.assertIn(key, status)
        self.assertEqual(status["network"], "regtest")
        for command in ("status", "nodes", "blocks", "workers"):
            self.assertTrue(self.karizd.ctl(command).strip(), command)

    def test_workers_shows_what_a_rig_said_of_itself(self):
        rig = self.rig()
        rig.call("mining.configure", ["info"],
                 {"info.hw-version": "model-x", "info.sw-version": "fw-9"})
        rig.ready("alice.info")
        wait_until(lambda: "model-x" in json.dumps(self.karizd.ask("workers", "alice")), 5)

    def test_secrets_and_passwords_are_not_in_the_log(self):
        self.ready_rig("alice.secret", password="hunter2-of-the-miner").mine()
        text = "\n".join(self.karizd.lines)
        self.assertNotIn("hunter2-of-the-miner", text)
        self.assertNotIn(self.node.credentials()[1], text)

    def test_what_a_miner_chose_is_escaped_in_the_log(self):
        rig = self.rig()
        rig.subscribe("agent\n2026 error forged")
        rig.authorize("evil\u001b[31m\nx.y")
        self.assertFalse([l for l in self.karizd.lines if l.startswith("2026 error forged")
                          or "\u001b" in l])


class Ipv6(KarizTest):
    settings = {"stratum": {"listen": [listener(address="[::1]:0")]}}

    @classmethod
    def setUpClass(cls):
        if not has_ipv6():
            raise unittest.SkipTest("missing: IPv6 on the loopback")
        super().setUpClass()

    def test_a_rig_mines_over_ipv6(self):
        self.ready_rig("alice.six").mine()


class Life(KarizTest):
    own_karizd = True

    def test_sigterm_stops_cleanly_and_leaves_nothing_behind(self):
        karizd = self.start_karizd()
        rig = self.ready_rig()
        redis = karizd.redis_pid()
        karizd.stop()
        rig.wait_closed(2)
        wait_until(lambda: not os.path.exists(f"/proc/{redis}"), 5, "its Redis has ended")
        self.assertFalse(os.path.exists(karizd.settings["control"]["socket"]))

    def test_karizctl_stop_stops(self):
        karizd = self.start_karizd()
        karizd.ctl("stop")
        wait_until(lambda: karizd.process.poll() is not None, 15)
        karizd.stop()

    def test_a_killed_daemon_starts_again_and_its_redis_is_not_in_the_way(self):
        karizd = self.start_karizd()
        self.ready_rig().mine()
        wait_until(lambda: karizd.miner("alice").get("accepted") == 1, 10)
        karizd.kill()
        karizd.start()
        self.assertEqual(karizd.miner("alice").get("accepted"), 1)
        self.ready_rig().mine()
        wait_until(lambda: karizd.miner("alice").get("accepted") == 2, 10)

    def test_a_second_daemon_on_the_same_data_is_refused(self):
        karizd = self.start_karizd()
        second = Karizd(self.nodes, data_dir=karizd.settings["data_dir"])
        self.addCleanup(second.close)
        second.spawn()
        wait_until(lambda: second.process.poll() is not None, 15, "the second has ended")
        self.assertNotEqual(second.process.returncode, 0)
        second.process.wait()
        second._ended()
        self.ready_rig().mine()

    def test_a_reload_with_broken_settings_keeps_the_old_ones(self):
        karizd = self.start_karizd()
        with open(karizd.config, "w") as f:
            f.write("{ broken")
        since = len(karizd.lines)
        karizd.process.send_signal(signal.SIGHUP)
        karizd.wait_log(r"(error|warn) ", 10, since)
        self.ready_rig().mine()

    def test_a_port_that_is_taken_stops_the_start_with_a_reason(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            karizd = Karizd(self.nodes, stratum={"listen": [
                listener(address=f"127.0.0.1:{port}")]})
            self.addCleanup(karizd.close)
            karizd.spawn()
            wait_until(lambda: karizd.process.poll() is not None, 15, "it has ended")
        self.assertNotEqual(karizd.process.returncode, 0)
        karizd._ended()
        self.assertIn(str(port), karizd.tail())
