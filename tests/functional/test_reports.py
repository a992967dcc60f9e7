"""Packages of reports: made beside a running daemon, verified by programs that share
nothing, and the same again whatever happened since."""

import datetime
import glob
import json
import os
import shutil
import subprocess
import tempfile

from lib import bitcoin, records, reporting
from lib.case import KarizTest, need
from lib.karizd import Karizd, Refused, environment, program
from lib.node import ROOT
from lib.payer import readable
from lib.reporting import PASSPHRASE
from lib.wait import SCALE, wait_until

REGISTRY = "R1,R2,R3,R7"
ALL = "R1,R2,R3,R4,R4-blocks,R5,R6,R7,R8,R9,R9-blocks"


def today():
    """In Ashgabat."""
    zone = datetime.timezone(datetime.timedelta(hours=5))
    return datetime.datetime.now(zone).date()


def this_month():
    return today().strftime("%Y-%m")


def last_month():
    return (today().replace(day=1) - datetime.timedelta(days=1)).strftime("%Y-%m")


class Reports(KarizTest):
    miners = ("alice", "bob")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="kariz-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.key = os.path.join(cls.folder, "report.key")
        cls.made = 0
        cls.signing(cls, "report", "key", "create", cls.key)

    def signing(self, *words, expect=0, socket=None):
        return reporting.signing(self.karizd, *words, expect=expect, socket=socket)

    def place(self):
        type(self).made += 1
        return os.path.join(self.folder, f"package-{self.made}")

    def make(self, period, *words, expect=0, socket=None):
        """The package's directory, and what was said."""
        out = self.place()
        said = self.signing("report", "make", period, "--conf", self.karizd.config, "--key",
                            self.key, "--out", out, *words, expect=expect, socket=socket)
        return out, said

    def report(self, folder, name):
        return reporting.report(folder, name)

    def rows(self, folder, name):
        return self.report(folder, name)["rows"]

    def manifest(self, folder):
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as f:
            return json.load(f)

    def check(self, folder):
        """Three who share nothing: karizctl, a program in Python, xmllint."""
        self.karizd.ctl("report", "verify", folder, "--key", self.manifest(folder)["key"])
        done = subprocess.run([os.path.join(ROOT, "tests", "report_verify"), folder],
                              capture_output=True, text=True, timeout=60 * SCALE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for xml in glob.glob(os.path.join(folder, "*.xml")):
            subprocess.run(["xmllint", "--noout", "--nonet", "--schema",
                            os.path.join(folder, "report.xsd"), xml],
                           check=True, capture_output=True, timeout=60 * SCALE)

    def mine_block(self, login):
        rig = self.ready_rig(login)
        for _ in range(3):
            rig.mine()
        tip = self.node.tip()
        wait_until(lambda: rig.read(0.02) or rig.job.prev_display() == tip, 15,
                   "the rig's job builds on the tip")
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node has the block")
        wait_until(lambda: self.karizd.ask("balance")["entries"] > 0, 20,
                   "the block is in the ledger")
        return found


class Packages(Reports):
    def test_a_months_package_has_every_report_and_agrees_with_itself(self):
        need(shutil.which("xmllint"), "xmllint")
        found = self.mine_block("alice.rig")
        rig = self.rig()
        rig.subscribe()
        rig.authorize("nobody.rig")
        wait_until(lambda: self.karizd.status()["redis"]["state"] == "ready", 10)
        out, said = self.make(this_month(), "--reports", ALL)
        self.check(out)
        facts = self.manifest(out)
        self.assertIn(f"package   {out}\n", said)
        self.assertEqual([r["id"] for r in facts["reports"]], ALL.split(","))
        self.assertEqual((facts["status"], facts["disclosure"], facts["operator"]),
                         ("new", "regulator", "Functional test"))
        # From an archive it is null.
        commit = facts["software"]["commit"]
        said = subprocess.run([program("karizctl"), "--version"], check=True, text=True,
                              capture_output=True, env=environment()).stdout
        self.assertEqual(said.split()[2:], [f"({commit})"] if commit else [])
        self.assertGreater(facts["journal"][0]["last"], 0)
        self.assertEqual(facts["audit"][0]["seq"], len(self.rows(out, "R2")))
        self.assertEqual(facts["audit"][0]["hash"], self.rows(out, "R2")[-1]["hash"])
        self.assertLessEqual({"alice", "bob"}, {r["miner_id"] for r in self.rows(out, "R1")})
        self.assertIn(found, [r["block_hash"] for r in self.rows(out, "R4-blocks")])
        credited = sum(r["credited_sat"] for r in self.rows(out, "R4"))
        self.assertGreater(credited, 0)
        everyone = self.rows(out, "R6")[0]
        self.assertEqual((everyone["group_by"], everyone["credited_sat"]), ("all", credited))

    def test_a_package_says_which_registry_events_there_were_as_the_chain_has_them(self):
        out, _ = self.make(this_month(), "--reports", REGISTRY)
        chain = self.karizd.ask("audit", "show")
        rows = self.rows(out, "R2")
        self.assertEqual([r["hash"] for r in rows],
                         [e["hash"] for e in chain[:len(rows)]])
        self.assertEqual(rows[0]["prev_hash"], "0" * 64)

    def test_a_package_is_noted_in_the_chain(self):
        out, _ = self.make(this_month(), "--reports", REGISTRY)
        last = self.karizd.ask("audit", "show")[-1]["event"]
        with open(os.path.join(out, "manifest.json"), "rb") as f:
            self.assertTrue(f.read())
        listed = {row["package"]: row for row in self.karizd.ask("report", "list", self.folder)}
        row = listed[os.path.basename(out)]
        self.assertEqual(last["event"], "report_made")
        self.assertEqual(last["detail"],
                         {"manifest": row["manifest"], "period": this_month(),
                          "level": "regulator", "status": "new"})
        self.assertIs(row["signed"], True)
        second, _ = self.make(this_month(), "--reports", REGISTRY)
        self.assertEqual(self.manifest(second)["previous"], row["manifest"])

    def test_without_a_daemon_to_tell_the_package_is_there_and_that_is_said(self):
        _, said = self.make(this_month(), "--reports", REGISTRY, socket="/nowhere.sock")
        self.assertIn("audit chain was not told", said)

    def test_a_second_one_is_the_same_but_for_the_time_it_was_made(self):
        quiet = {"socket": "/nowhere.sock"}
        first, _ = self.make(this_month(), "--reports", ALL, **quiet)
        second, _ = self.make(this_month(), "--reports", ALL, **quiet)
        for name in ALL.split(","):
            a, b = self.report(first, name), self.report(second, name)
            self.assertNotEqual(a["generated_at"], b["generated_at"])
            for one in (a, b):
                del one["generated_at"]
                for row in one["rows"]:
                    row.pop("as_of", None)          # R9 is of the moment
                    row.pop("average_ths", None)    # over the time there was
            if name in ("R4", "R6"):
                a.pop("totals", None), b.pop("totals", None)
            if name == "R8":
                for row in a["rows"] + b["rows"]:
                    del row["time"]
            self.assertEqual(a, b, name)

    def test_a_period_that_is_over_does_not_change_with_the_registry(self):
        before, _ = self.make(last_month(), "--reports", REGISTRY)
        self.karizd.register("later")
        self.karizd.ctl("miner", "suspend", "later", "--reason", "suspicion", "--basis", "x")
        after, _ = self.make(last_month(), "--reports", REGISTRY)
        for name in REGISTRY.split(","):
            a, b = self.report(before, name), self.report(after, name)
            del a["generated_at"], b["generated_at"]
            self.assertEqual(a, b)
        now, _ = self.make(this_month(), "--reports", "R1")
        states = {r["miner_id"]: r["state"] for r in self.rows(now, "R1")}
        self.assertEqual(states["later"], "suspended")

    def test_equipment_that_ended_is_listed_until_then(self):
        self.karizd.register("rigs")
        self.karizd.ctl("equipment", "end", "rigs", "--its-id", "e1", "--basis", "sold")
        out, _ = self.make(this_month(), "--reports", "R3")
        mine = [r for r in self.rows(out, "R3") if r["miner_id"] == "rigs"]
        self.assertEqual([(r["equipment_id"], r["used_to"]) for r in mine],
                         [("e1", datetime.datetime.now(datetime.timezone(
                             datetime.timedelta(hours=5))).date().isoformat())])
        self.assertEqual(mine[0]["region"], "TM-A")


class Alerts(Reports):
    def test_an_alert_is_there_until_a_person_decides_and_then_with_the_decision(self):
        soon = (today() + datetime.timedelta(days=9)).isoformat()
        certificate = {**records.record("ending")["certificate"], "valid_until": soon}
        self.karizd.register("ending", certificate=certificate)
        out, _ = self.make(this_month(), "--reports", "R8")
        rows = self.rows(out, "R8")
        self.assertEqual([(r["rule"], r["miner_id"], r["decision"]) for r in rows],
                         [("certificate_expiring", "ending", None)])
        self.karizd.ctl("alert", "decide", "certificate_expiring", "--miner", "ending",
                        "--decision", "asked for the new one")
        with self.assertRaisesRegex(Refused, "rule: "):
            self.karizd.ctl("alert", "decide", "bad_mood", "--miner", "ending",
                            "--decision", "x")
        out, _ = self.make(this_month(), "--reports", "R8")
        self.assertEqual(self.rows(out, "R8")[0]["decision"], "asked for the new one")


class Disagreement(Reports):
    def put_row(self, key, field):
        """Of a tally, as the daemon would have it: work, accepted, refused."""
        row = (5).to_bytes(8, "little") + (3).to_bytes(5, "little") + bytes(5)
        socket = os.path.join(self.karizd.settings["data_dir"], "redis", "redis.sock")
        subprocess.run(["redis-cli", "-s", socket, "-x", "HSET", "tally:{test}:" + key,
                        field], input=row, check=True, timeout=20, capture_output=True)

    def test_work_of_a_day_on_which_nobody_might_mine_is_not_signed_but_shown(self):
        day = today() - datetime.timedelta(days=3)
        period = f"{day}..{today() + datetime.timedelta(days=1)}"
        words = (period, "--reports", "R4,R6")
        self.make(*words)
        self.put_row(f"d:alice:{day:%Y%m}", str(day.day))
        self.assertIn("hours of", self.make(*words, expect=1)[1])
        self.put_row(f"h:alice:{day:%Y%m%d}", "7")
        out, said = self.make(*words, expect=1)
        self.assertIn(f"work: alice: shares while neither active nor restricted, on {day}",
                      said)
        self.assertFalse(os.path.exists(out))


class Levels(Reports):
    def test_names_are_given_on_a_written_request_alone_and_that_is_noted(self):
        self.karizd.register("person", kind="individual_entrepreneur",
                             official_name="Oraz Atayew", beneficial_owners=None)
        _, said = self.make(this_month(), "--reports", "R1", "--level", "full", expect=1)
        self.assertIn("request", said)
        out, _ = self.make(this_month(), "--reports", "R1", "--level", "full", "--request",
                           "01-17/204")
        self.check(out)
        names = {r["miner_id"]: r["official_name"] for r in self.rows(out, "R1")}
        self.assertEqual((names["person"], names["alice"]), ("Oraz Atayew", "Works of alice"))
        last = self.karizd.ask("audit", "show")[-1]["event"]
        self.assertEqual((last["detail"]["level"], last["detail"]["request"]),
                         ("full", "01-17/204"))
        out, _ = self.make(this_month(), "--reports", "R1,R2")
        for path in glob.glob(os.path.join(out, "*")):
            with open(path, encoding="utf-8") as f:
                self.assertNotIn("Oraz", f.read(), path)

    def test_a_miner_is_given_what_is_about_it_and_nothing_else(self):
        self.karizd.register("guest", kind="individual_entrepreneur",
                             official_name="Aýna Myradowa", beneficial_owners=None)
        self.karizd.ctl("miner", "freeze", "guest", "--reason", "court_order",
                        "--authority", "A court", "--document", "12-F", "--date", "2026-01-02")
        self.karizd.ctl("alert", "decide", "screening_hit", "--miner", "guest", "--decision",
                        "another person")
        out, _ = self.make(this_month(), "--level", "subject", "--miner", "guest")
        manifest = self.manifest(out)
        self.assertEqual((manifest["subject"], [r["id"] for r in manifest["reports"]]),
                         ("guest", ["R1", "R2", "R3", "R4", "R4-blocks", "R5"]))
        self.check(out)
        self.assertEqual([(r["miner_id"], r["official_name"]) for r in self.rows(out, "R1")],
                         [("guest", "Aýna Myradowa")])
        events = {r["event"] for r in self.rows(out, "R2")}
        self.assertIn("activated", events)
        self.assertFalse(events & {"frozen", "alert_decided", "screened"}, events)
        for path in glob.glob(os.path.join(out, "*")):
            with open(path, encoding="utf-8") as f:
                self.assertNotIn("alice", f.read(), path)
        last = self.karizd.ask("audit", "show")[-1]["event"]
        self.assertEqual((last["event"], last["miner"], last["detail"]["level"]),
                         ("report_made", "guest", "subject"))

    def test_the_level_subject_needs_a_miner_and_no_other_level_takes_one(self):
        for words, says in (
                (("--level", "subject"), "miner: is named at the level subject"),
                (("--miner", "alice"), "miner: is named at the level subject"),
                (("--level", "subject", "--miner", "nobody"), 'no miner "nobody"'),
                (("--level", "subject", "--miner", "alice", "--reports", "R8"),
                 "R8: is not given at the level subject")):
            with self.subTest(words=words):
                self.assertIn(says, self.make(this_month(), *words, expect=1)[1])

    def test_the_public_level_has_the_summary_alone(self):
        out, _ = self.make(this_month(), "--level", "public")
        self.assertEqual([r["id"] for r in self.manifest(out)["reports"]], ["R6"])
        self.check(out)
        _, said = self.make(this_month(), "--level", "public", "--reports", "R1", expect=1)
        self.assertIn("R1: is not given at the level public", said)


class Keys(Reports):
    """One key follows another by a statement that both have signed."""

    def rotate(self, new, out, *words, expect=0, socket=None):
        read_fd = readable(PASSPHRASE)
        try:
            return reporting.signing(self.karizd, "report", "key", "rotate", self.key, "--to",
                                     new, "--out", out, "--new-passphrase-fd", str(read_fd),
                                     *words, expect=expect, socket=socket, more_fds=(read_fd,))
        finally:
            os.close(read_fd)

    def independent(self, *words):
        done = subprocess.run([os.path.join(ROOT, "tests", "report_verify"), *words],
                              capture_output=True, text=True, timeout=60 * SCALE, check=False)
        return done.returncode, done.stdout

    def key_of(self, path):
        return self.karizd.ask("report", "key", "show", path)["key"]

    def test_the_statement_is_in_the_chain_and_proves_itself(self):
        new, out = os.path.join(self.folder, "new.key"), os.path.join(self.folder, "follows.json")
        self.signing("report", "key", "create", new)
        said = self.rotate(new, out, "--reason", "the old one is five years old")
        self.assertIn("the old one is five years old", said)
        with open(out, encoding="utf-8") as f:
            statement = json.load(f)
        last = self.karizd.ask("audit", "show")[-1]["event"]
        self.assertEqual((last["event"], last["detail"]), ("report_key_rotated", statement))
        old_key, new_key = self.key_of(self.key), self.key_of(new)
        self.assertEqual((statement["statement"]["old"], statement["statement"]["new"]),
                         (old_key, new_key))
        self.karizd.ctl("report", "key", "check", out, "--key", old_key)
        self.assertEqual(self.independent(out, old_key)[0], 0)
        with self.assertRaisesRegex(Refused, "not the one that was given"):
            self.karizd.ctl("report", "key", "check", out, "--key", new_key)
        status, said = self.independent(out, new_key)
        self.assertEqual((status, "not the old key" in said), (1, True))
        with open(out, encoding="utf-8") as f:
            text = f.read()
        forged = os.path.join(self.folder, "forged.json")
        with open(forged, "w", encoding="utf-8") as f:
            f.write(text.replace("five", "four"))
        with self.assertRaisesRegex(Refused, "not signed by the old key"):
            self.karizd.ctl("report", "key", "announce", forged)
        status, said = self.independent(forged)
        self.assertEqual((status, "not signed by the old key" in said), (1, True))

    def test_without_a_daemon_the_statement_can_be_told_later(self):
        new, out = os.path.join(self.folder, "later.key"), os.path.join(self.folder, "later.json")
        self.signing("report", "key", "create", new)
        said = self.rotate(new, out, "--reason", "a new officer", expect=1, socket="/nowhere")
        self.assertIn("report key announce", said)
        self.karizd.ctl("report", "key", "announce", out)
        self.assertEqual(self.karizd.ask("audit", "show")[-1]["event"]["event"],
                         "report_key_rotated")

    def test_what_cannot_be_is_refused_with_a_reason(self):
        out = os.path.join(self.folder, "none.json")
        for words, status, says in (
                ((self.key, out, "--reason", "x"), 1, "the two keys are the same"),
                (("/nowhere", out, "--reason", "x"), 1, "there is no key file"),
                ((self.key, out), 2, "--reason"),
                ((self.key, out, "--reason", "x", "--from", "soon"), 2, "--from")):
            with self.subTest(words=words):
                self.assertIn(says, self.rotate(*words, expect=status))
        self.assertFalse(os.path.exists(out))


class TwoDaemons(Reports):
    """Each has a journal and a chain of its own; the registry is one."""

    def test_reports_are_made_of_the_journals_of_both(self):
        data_dir = self.karizd.settings["data_dir"]
        other = Karizd(self.nodes, instance="second", redis="unix://" + os.path.join(
            data_dir, "redis", "redis.sock"))
        self.addCleanup(other.close)
        other.start()
        wait_until(lambda: other.status()["registry"]["loaded"], 20, "it knows the registry")
        other.ctl("miner", "suspend", "bob", "--reason", "suspicion", "--basis", "seen")
        wait_until(lambda: self.karizd.ask("miner", "show", "bob")["state"] == "suspended", 5,
                   "the first one has heard of it")
        rig = self.rig(karizd=other)
        rig.subscribe()
        self.assert_error(rig.authorize("nobody.rig"), 24)
        _, said = self.make(this_month(), "--reports", REGISTRY, expect=1)
        self.assertIn("report.journals", said)
        other.stop()
        self.karizd.write_settings(report={"journals": [
            os.path.join(other.settings["data_dir"], "journal")]})
        out, _ = self.make(this_month(), "--reports", REGISTRY)
        self.check(out)
        states = {r["miner_id"]: r["state"] for r in self.rows(out, "R1")}
        self.assertEqual((states["alice"], states["bob"]), ("active", "suspended"))
        events = [(r["instance"], r["event"]) for r in self.rows(out, "R2")
                  if r["miner_id"] == "bob"]
        self.assertEqual((events[0], events[-1]), (("test", "applied"), ("second", "suspended")))
        manifest = self.manifest(out)
        self.assertEqual([[e["instance"] for e in manifest[name]] for name in ("journal", "audit")],
                         [["test", "second"]] * 2)
        self.assertEqual(sum(r["attempts"] for r in self.rows(out, "R7")
                             if r["reason"] == "unregistered"), 1)


class Corrections(Reports):
    def test_a_correction_and_a_cancellation_name_what_they_replace(self):
        first, _ = self.make(this_month(), "--reports", REGISTRY)
        second = self.place()
        self.signing("report", "correct", first, "--conf", self.karizd.config, "--key",
                     self.key, "--out", second, "--previous", first)
        void = self.place()
        self.signing("report", "cancel", second, "--conf", self.karizd.config, "--key",
                     self.key, "--out", void)
        rows = {row["package"]: row for row in self.karizd.ask("report", "list", self.folder)}
        a, b, c = (rows[os.path.basename(x)] for x in (first, second, void))
        self.assertEqual([x["status"] for x in (a, b, c)],
                         ["new", "correction", "cancellation"])
        self.assertEqual((b["corrects"], b["previous"]), (a["manifest"], a["manifest"]))
        self.assertEqual((c["corrects"], c["previous"]), (b["manifest"], b["manifest"]))
        self.assertEqual([r["id"] for r in self.manifest(second)["reports"]],
                         REGISTRY.split(","))
        self.assertEqual(*(self.manifest(x)["period"] for x in (first, second)))
        for folder in (first, second, void):
            self.check(folder)
        last = self.karizd.ask("audit", "show")[-1]["event"]
        self.assertEqual((last["event"], last["detail"]["status"]),
                         ("report_corrected", "cancellation"))
        self.assertIn("cancellation", self.karizd.ctl("report", "list", self.folder))

    def test_what_cannot_be_is_refused_with_a_reason(self):
        first, _ = self.make(this_month(), "--reports", "R1")
        for words, status, says in (
                (("2026-13",), 2, "a period like"),
                ((this_month(), "--reports", "R11"), 2, "R1,R2"),
                ((this_month(), "--level", "secret"), 2, "public, regulator, full or subject"),
                ((this_month(), "--previous", "/nowhere"), 2, "No such file"),
                (("2100-01", "--reports", "R1"), 1, "has not begun")):
            with self.subTest(words=words):
                self.assertIn(says, self.make(*words, expect=status)[1])
        self.assertIn("is there already",
                      self.signing("report", "make", this_month(), "--reports", "R1", "--conf",
                                   self.karizd.config, "--key", self.key, "--out", first,
                                   expect=1))


class Schedule(KarizTest):
    own_karizd = True
    miners = ("alice",)

    def prepared(self, passphrase):
        """Settings of a pool that reports by itself; the key is there."""
        folder = tempfile.TemporaryDirectory(prefix="kariz-test-")
        self.addCleanup(folder.cleanup)
        key, place = os.path.join(folder.name, "key"), os.path.join(folder.name, "reports")
        read_fd = readable(PASSPHRASE)
        subprocess.run([program("karizctl"), "report", "key", "create", key,
                        "--passphrase-fd", str(read_fd)], check=True, env=environment(),
                       pass_fds=(read_fd,), timeout=60 * SCALE, capture_output=True)
        os.close(read_fd)
        with open(os.path.join(folder.name, "kariz-report"), "w", encoding="utf-8") as f:
            f.write(passphrase + "\n")
        self.credentials = {"CREDENTIALS_DIRECTORY": folder.name}
        return {"report": {"dir": place, "key_file": key}}

    def started(self, **settings):
        karizd = Karizd(self.nodes, **settings)
        karizd.environment = self.credentials
        self.addCleanup(karizd.close)
        self.karizd = karizd.start()
        self.register_all(karizd)
        return settings["report"]["dir"]

    def test_the_last_month_and_quarter_make_themselves_once(self):
        place = self.started(**self.prepared(PASSPHRASE))
        month = os.path.join(place, "TM-" + last_month())
        wait_until(lambda: len(self.karizd.logged("report_made")) == 2, 60)
        for folder in glob.glob(os.path.join(place, "*")):
            self.karizd.ctl("report", "verify", folder)
        rows = self.karizd.ask("report", "list", place)
        self.assertEqual(len(rows), 2)
        self.assertEqual(rows[1]["previous"], rows[0]["manifest"])
        noted = [e["event"] for e in self.karizd.ask("audit", "show")
                 if e["event"]["event"] == "report_made"]
        self.assertEqual([(n["role"], n["detail"]["manifest"]) for n in noted],
                         [("system", row["manifest"]) for row in rows])
        status = self.karizd.status()["report"]
        self.assertEqual(status["alarm"], "")
        self.assertTrue(all(p["made"] for p in status["periods"]), status)
        self.assertIn(last_month() + ": made, due before ", self.karizd.ctl("status"))
        self.assertTrue(os.path.exists(os.path.join(month, "R4.json")))

    def test_a_wrong_passphrase_is_an_alarm_and_nothing_is_left(self):
        place = self.started(**self.prepared("another"))
        wait_until(lambda: "report.key_file" in self.karizd.status()["report"]["alarm"], 60)
        self.assertIn("ALARM      report: ", self.karizd.ctl("status"))
        self.assertEqual(os.listdir(place), [])

    def test_without_a_directory_status_still_says_what_is_due(self):
        self.start_karizd()
        status = self.karizd.status()["report"]
        self.assertEqual((status["dir"], status["alarm"]), ("", ""))
        self.assertEqual([p["period"] for p in status["periods"]][:1], [last_month()])
        self.assertIn(last_month() + ": made by hand, due before ",
                      self.karizd.ctl("status"))
