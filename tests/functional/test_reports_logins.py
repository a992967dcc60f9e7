"""R7 and R8 of real rigs: who was refused, where, from which network and with what."""

import glob
import os
import shutil
import ssl
import stat
import subprocess
import tempfile

from lib import bitcoin
from lib.case import need
from lib.faults import Connection
from lib.karizd import listener
from lib.wait import wait_until
from test_reports import Reports, this_month

FLOOD = "192.0.2.0/24"  # that test's own
SECRET = "correct-horse-battery"  # a password where the login belongs


class Logins(Reports):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        need(shutil.which("openssl"), "openssl")
        folder = tempfile.TemporaryDirectory(prefix="kariz-test-")
        cls.addClassCleanup(folder.cleanup)
        certificate, key = (os.path.join(folder.name, n) for n in ("tls.pem", "tls.key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        certificate, "-days", "30", "-subj", "/CN=localhost"],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        cls.settings = {"stratum": {
            "tls": {"certificate": certificate, "key": key},
            "listen": [listener(tls=True),
                       listener(proxy_protocol=True, proxy_peers=["127.0.0.1"])]}}
        super().setUpClass()

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return self.rig(0, tls=context)

    def proxied(self, source):
        family = "TCP6" if ":" in source else "TCP4"
        to = "::1" if ":" in source else "127.0.0.1"
        return self.rig(1, preface=f"PROXY {family} {source} {to} 4444 3333\r\n".encode())

    def refuse(self, rig, login, agent):
        rig.subscribe(agent)
        self.assert_error(rig.authorize(login), 24)
        rig.close()

    def restart(self):
        """What is noted is in the journal behind a stop."""
        self.karizd.stop()
        self.karizd.start()

    def counted(self):
        """Refused logins that were journaled, and then told to Redis."""
        data_dir = self.karizd.settings["data_dir"]
        with Connection(os.path.join(data_dir, "redis", "redis.sock")) as c:
            values = [c.call("HVALS", key) for key in c.call("KEYS", "refused:*")]
        return sum(int(n) for hour in values for n in hour)

    def journal_files(self):
        for path in glob.glob(os.path.join(self.karizd.settings["data_dir"], "journal", "*")):
            with open(path, "rb") as f:
                yield f.read()

    def journal_bytes(self):
        return b"".join(self.journal_files())

    def journal_size(self):
        """Without the zeros ahead of what is written."""
        return sum(len(data.rstrip(b"\x00")) for data in self.journal_files())

    def counts(self, rows):
        """By what can be known in advance: hours may change while a test runs."""
        total = {}
        for r in rows:
            key = (r["reason"], r["listener"], r["login"], r["network"], r["rig_software"],
                   r["login_hash"] is not None)
            total[key] = total.get(key, 0) + r["attempts"]
        return total

    def test_each_refusal_is_there_with_what_may_be_kept_of_it(self):
        over_tls, plain = (row["address"] for row in self.karizd.status()["listeners"])
        nobody = bitcoin.demo_address("nobody")
        self.karizd.register("at-home", allowed_networks=["192.0.2.0/24"])
        for i in range(3):
            self.refuse(self.tls(), f"{nobody}.rig{i}", "cgminer/4.11.1")
        self.refuse(self.tls(), SECRET + ".rig", "bmminer/2.0.0\x1b[31m")
        for source in ("198.51.100.7", "198.51.100.8", "198.51.100.7", "2001:db8:7:1::9"):
            self.refuse(self.proxied(source), "at-home.rig", "")
        self.refuse(self.proxied("203.0.113.9"), bitcoin.demo_address("at-home"), "x" * 200)
        self.refuse(self.proxied("203.0.113.9"), ".", "cgminer/4.11.1")
        self.restart()
        out, _ = self.make(this_month(), "--reports", "R7,R8")
        self.check(out)
        rows = [r for r in self.rows(out, "R7")
                if r["listener"] in (over_tls, plain) and r["network"] != FLOOD]
        self.assertEqual(self.counts(rows), {
            ("unregistered", over_tls, nobody, "127.0.0.0/24", "cgminer/4.11.1", False): 3,
            ("unregistered", over_tls, None, "127.0.0.0/24", "bmminer/2.0.0?[31m", True): 1,
            ("network", plain, "at-home", "198.51.100.0/24", None, False): 3,
            ("network", plain, "at-home", "2001:db8:7::/48", None, False): 1,
            ("network", plain, "at-home", "203.0.113.0/24", "x" * 64, False): 1,
            ("malformed_login", plain, None, "203.0.113.0/24", "cgminer/4.11.1", True): 1,
        })
        if len(rows) == 6:  # all in one hour
            self.assertEqual(sorted(r["distinct_sources"] for r in rows), [1, 1, 1, 1, 1, 2])
        for path in glob.glob(os.path.join(out, "*")):
            with open(path, "rb") as f:
                text = f.read()
            for told in (SECRET, "198.51.100.7", "203.0.113.9", "db8:7:1"):
                self.assertNotIn(told.encode(), text, path)
        kept = self.journal_bytes()
        for told in (SECRET, "198.51.100.7", "203.0.113.9", "127.0.0.1\x00"):
            self.assertNotIn(told.encode(), kept)
        salt = os.stat(os.path.join(self.karizd.settings["data_dir"], "login.salt"))
        self.assertEqual((stat.S_IMODE(salt.st_mode), salt.st_size), (0o600, 32))
        alerts = [r for r in self.rows(out, "R8") if r["rule"] == "network_not_allowed"]
        self.assertEqual([(r["miner_id"], r["threshold"]) for r in alerts], [("at-home", "0")])
        self.assertEqual(alerts[0]["measure"], "5: 198.51.100.0/24, "
                         "203.0.113.0/24, 2001:db8:7::/48")

    def test_the_same_login_has_the_same_hash_and_a_kill_loses_no_attempt(self):
        before = self.counted()
        self.refuse(self.proxied("198.51.100.7"), "somebody.1", "kill/1")
        self.refuse(self.proxied("198.51.100.7"), "somebody.2", "kill/2")
        wait_until(lambda: b"kill/2" in self.journal_bytes(), 10)
        for _ in range(5):  # not due again before the kill
            self.refuse(self.proxied("198.51.100.7"), "somebody.1", "kill/1")
        wait_until(lambda: self.counted() == before + 7, 10, "all of them are journaled")
        self.karizd.kill()
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["redis"]["state"] == "ready", 20)
        self.restart()
        out, _ = self.make(this_month(), "--reports", "R7")
        rows = self.rows(out, "R7")
        mine = [r for r in rows if (r["rig_software"] or "").startswith("kill/")]
        self.assertEqual(len({r["login_hash"] for r in mine}), 1)
        untold = sum(r["attempts"] for r in rows
                     if r["listener"] is None and r["reason"] == "unregistered")
        self.assertEqual(sum(r["attempts"] for r in mine) + untold, 7)

    def test_a_flood_of_names_is_bounded_in_the_journal_and_counted(self):
        before = self.journal_size()
        rig = self.proxied("192.0.2.200")
        rig.subscribe("flood/1")
        for i in range(500):
            self.assert_error(rig.authorize(f"flood-{i}"), 24, "unregistered")
        wait_until(lambda: self.karizd.status()["redis"]["refusals_folded"] >= 400, 10)
        self.restart()
        out, _ = self.make(this_month(), "--reports", "R7")
        mine = [r for r in self.rows(out, "R7") if r["network"] == FLOOD]
        self.assertEqual(sum(r["attempts"] for r in mine), 500)
        self.assertLessEqual(len(mine), 2 * 51)  # the hour may have changed meanwhile
        self.assertLess(self.journal_size() - before, 50_000)

    def test_more_kinds_of_rigs_than_declared_are_an_alert(self):
        for agent in ("cgminer/4.11.1", "cgminer/4.12", "bmminer/2", "vnish/1"):
            rig = self.proxied("192.0.2.9")
            rig.subscribe(agent)
            self.assertIs(rig.authorize("alice.rig")["result"], True)
        self.restart()
        found = lambda out: [(r["miner_id"], r["measure"], r["threshold"])
                             for r in self.rows(out, "R8") if r["rule"] == "rig_kinds"]
        self.assertEqual(found(self.make(this_month(), "--reports", "R8")[0]), [])
        rig = self.proxied("192.0.2.9")
        rig.subscribe("whatsminer/v1.1")
        self.assertIs(rig.authorize("alice.rig")["result"], True)
        self.restart()
        out, _ = self.make(this_month(), "--reports", "R8")
        self.check(out)
        self.assertEqual(found(out), [("alice", "4: cgminer, bmminer, vnish, whatsminer",
                                       "1 + 2")])
