"""R7 and R8 of real rigs: who was refused, where, from which network and with what."""

import datetime
import glob
import os
import shutil
import ssl
import stat
import subprocess
import tempfile
import time

from lib import bitcoin, reporting
from lib.case import KarizTest, need
from lib.faults import Connection, WithClock
from lib.karizd import listener
from lib.wait import wait_until
from test_reports import Reports, this_month

FLOOD = "192.0.2.0/24"  # that test's own
SECRET = "correct-horse-battery"  # a password where the login belongs


class Refusing(Reports):
    """A pool with listeners by which rigs are refused from any address."""

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


class Logins(Refusing):
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
        # Counts come first, and details behind them in the same turn.
        wait_until(lambda: self.counted() == before + 2, 10, "both are journaled")
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


class Erased(Refusing):
    """Details lie under a key of their day; what destroys it destroys them."""

    def keys(self):
        return os.path.join(self.karizd.settings["data_dir"], "refusal-keys")

    def files_with(self, *words):
        found = []
        for at, _, names in os.walk(self.karizd.settings["data_dir"]):
            for path in (os.path.join(at, name) for name in names):
                if not os.path.isfile(path):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                found += [(path, word) for word in words if word.encode() in data]
        return found

    def attempts(self, rows):
        return sum(r["attempts"] for r in rows if r["reason"] == "unregistered")

    def test_of_a_day_whose_key_was_destroyed_there_are_counts_alone(self):
        login, agent = bitcoin.demo_address("forgotten"), "forget-me/1"
        for source in ("198.51.100.50", "203.0.113.50"):
            self.refuse(self.proxied(source), login, agent)
        self.restart()
        before = self.rows(self.make(this_month(), "--reports", "R7")[0], "R7")
        told = [r for r in before if r["login"] == login and r["rig_software"] == agent]
        self.assertEqual({r["network"] for r in told}, {"198.51.100.0/24", "203.0.113.0/24"})
        self.assertEqual(self.files_with(login, agent), [])  # it was never there in clear
        self.assertEqual(stat.S_IMODE(os.stat(self.keys()).st_mode), 0o700)
        for name in os.listdir(self.keys()):
            path = os.path.join(self.keys(), name)
            self.assertEqual((stat.S_IMODE(os.stat(path).st_mode), os.path.getsize(path)),
                             (0o600, 40))
        self.karizd.stop()
        shutil.rmtree(self.keys())
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["redis"]["state"] == "ready", 20)
        out, _ = self.make(this_month(), "--reports", "R7,R8")
        self.check(out)
        after = self.rows(out, "R7")
        self.assertEqual(self.attempts(after), self.attempts(before))
        for r in after:
            self.assertEqual([r[n] for n in ("listener", "login", "login_hash", "network",
                                             "rig_software")], [None] * 5)
        for path in glob.glob(os.path.join(out, "*")):
            with open(path, "rb") as f:
                text = f.read()
            for word in (login, agent, "198.51.100", "203.0.113"):
                self.assertNotIn(word.encode(), text, path)
        # The day goes on under another key.
        self.refuse(self.proxied("198.51.100.50"), login, "go-on/1")
        self.restart()
        rows = self.rows(self.make(this_month(), "--reports", "R7")[0], "R7")
        self.assertEqual([r["network"] for r in rows if r["login"] == login],
                         ["198.51.100.0/24"])

    def day(self, ago):
        return time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago * 86400))

    def test_the_daemon_destroys_keys_that_are_due_and_no_others(self):
        """A month's days 90 days behind its end (conf/jurisdictions/tm.json)."""
        self.karizd.stop()
        os.makedirs(self.keys(), 0o700, exist_ok=True)
        due = [self.day(ago) for ago in (122, 123, 400)] + ["1999-12-31"]
        kept = [self.day(ago) for ago in (0, 1, 89)]
        for name in due + kept:
            path = os.path.join(self.keys(), name)
            if not os.path.exists(path):
                with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
                    f.write(os.urandom(40))
                self.addCleanup(lambda p=path: os.path.exists(p) and os.remove(p))
        self.karizd.start()
        names = lambda: set(os.listdir(self.keys()))
        wait_until(lambda: not names() & set(due), 20, "those are destroyed")
        self.assertEqual(names() & set(kept), set(kept))

    def test_without_a_key_logins_are_counted_and_that_is_said(self):
        self.restart()
        before = self.counted()
        aside = self.keys() + ".aside"
        if os.path.exists(self.keys()):
            os.rename(self.keys(), aside)
        with open(self.keys(), "w", encoding="utf-8"):
            pass  # a file where the folder belongs
        for i in range(3):
            self.refuse(self.proxied("198.51.100.60"), f"keyless-{i}", f"keyless/{i}")
        said = lambda: self.karizd.status()["redis"]["refusals_unsealed"]
        # The day's key may be in memory from before.
        wait_until(lambda: self.counted() == before + 3, 10, "all are counted")
        if said() == 0:
            self.restart()
            self.refuse(self.proxied("198.51.100.60"), "keyless-9", "keyless/9")
        wait_until(lambda: said() > 0, 10, "what was not written is counted")
        self.assertEqual(self.files_with("keyless"), [])
        self.karizd.stop()
        os.remove(self.keys())
        if os.path.exists(aside):
            os.rename(aside, self.keys())
        self.karizd.start()
        out, _ = self.make(this_month(), "--reports", "R7")
        self.check(out)
        self.assertGreaterEqual(self.attempts(self.rows(out, "R7")), 3)

    def test_a_backup_takes_keys_along_and_a_restore_puts_them_back(self):
        self.refuse(self.proxied("198.51.100.70"), "kept-login", "kept/1")
        self.restart()
        backups = os.path.join(self.folder, "backups")
        made = self.karizd.ask("backup", "create", backups)
        to = os.path.join(backups, "restored")
        self.karizd.ctl("backup", "restore", made["path"], "--to", to,
                        "--without-master-key")
        names = sorted(os.listdir(self.keys()))
        self.assertTrue(names)
        for name in names:
            path = os.path.join(to, "refusal-keys", name)
            with open(path, "rb") as a, open(os.path.join(self.keys(), name), "rb") as b:
                self.assertEqual(a.read(), b.read())
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        at = os.path.join(to, "refusal-keys")
        self.assertEqual(stat.S_IMODE(os.stat(at).st_mode), 0o700)


class InTime(WithClock, KarizTest):
    own_karizd = True
    ZONE = datetime.timezone(datetime.timedelta(hours=5))  # of Ashgabat

    def setUp(self):
        self.start_with_clock()
        self.folder = tempfile.mkdtemp(prefix="kariz-test-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.key = os.path.join(self.folder, "report.key")
        reporting.signing(self.karizd, "report", "key", "create", self.key)

    def make(self, name, period, report):
        out = os.path.join(self.folder, name)
        reporting.signing(self.karizd, "report", "make", period, "--conf", self.karizd.config,
                          "--key", self.key, "--out", out, "--reports", report,
                          extra=self.clock.environment)
        return out


class Staying(InTime):
    def test_rigs_that_stay_connected_are_seen_in_the_next_month_too(self):
        self.register_all(self.karizd)
        rigs = [self.rig() for _ in range(4)]
        for rig, agent in zip(rigs, ("cgminer/4.11.1", "bmminer/2", "vnish/1", "luxos/3")):
            rig.subscribe(agent)
            self.assertIs(rig.authorize("alice.rig")["result"], True)
        self.clock.set(33 * 86400)
        later = datetime.datetime.now(self.ZONE) + datetime.timedelta(days=33)

        def alerts(name):
            out = self.make(name, later.strftime("%Y-%m"), "R8")
            return [sorted(r["measure"].removeprefix("4: ").split(", "))
                    for r in reporting.report(out, "R8")["rows"] if r["rule"] == "rig_kinds"]

        names = iter(range(100))
        wait_until(lambda: alerts(f"r8-{next(names)}") ==
                   [["bmminer", "cgminer", "luxos", "vnish"]], 20, "they are told again")
        for rig in rigs:
            rig.close()


class ErasedInTime(InTime):
    """The clock goes to the day before the month's details are due, and over it."""

    miners = ()

    def due(self):
        """When the key of this UTC day is: 90 days behind the end of the month in which
        the day ends, both in Ashgabat."""
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now.replace(hour=23, minute=59, second=59, microsecond=0).astimezone(self.ZONE)
        month = (end.replace(day=1) + datetime.timedelta(days=32)).replace(
            day=1, hour=0, minute=0, second=0)
        return now.date().isoformat(), (month + datetime.timedelta(days=90)).timestamp()

    def key_path(self, name):
        return os.path.join(self.karizd.settings["data_dir"], "refusal-keys", name)

    def reproduce(self, folder):
        return reporting.reproduce(self.karizd, folder, self.clock.environment)

    def test_a_key_goes_when_it_is_due_and_not_a_day_earlier(self):
        login = bitcoin.demo_address("in-time")
        day, due = self.due()
        period = datetime.datetime.now(self.ZONE).strftime("%Y-%m")
        rig = self.rig()
        rig.subscribe("in-time/1")
        self.assert_error(rig.authorize(login), 24)
        self.karizd.stop()
        self.assertTrue(os.path.exists(self.key_path(day)))
        with open(os.open(self.key_path("1999-12-31"), os.O_CREAT | os.O_WRONLY, 0o600),
                  "wb") as f:
            f.write(os.urandom(40))
        self.clock.set(int(due - time.time()) - 86400)
        self.karizd.start(wait_for_job=False)
        wait_until(lambda: not os.path.exists(self.key_path("1999-12-31")), 20,
                   "keys are looked at")
        whole = self.make("whole", period, "R7")
        self.assertEqual([r["login"] for r in reporting.report(whole, "R7")["rows"]], [login])
        self.assertTrue(self.reproduce(whole)["ok"])
        self.assertTrue(os.path.exists(self.key_path(day)))

        self.clock.set(int(due - time.time()) + 60)
        wait_until(lambda: not os.path.exists(self.key_path(day)), 20, "it is destroyed")
        rows = reporting.report(self.make("counts", period, "R7"), "R7")["rows"]
        self.assertEqual([(r["login"], r["network"], r["rig_software"], r["attempts"])
                          for r in rows], [(None, None, None, 1)])
        answer = self.reproduce(whole)
        self.assertFalse(answer["ok"])
        self.assertEqual({d["file"].split(".")[0] for d in answer["differences"]}, {"R7"})
        self.assertIn("refusals_keep_days", " ".join(answer["notes"]))
