"""Registrations as people at a desk make them: who may do what, what it means for rigs and
money, and that it all stands in the audit chain."""

import io
import json
import os
import re
import shutil
import subprocess
import tempfile

from lib import audit_check, bitcoin, journal_edit, records
from lib.case import KarizTest, need
from lib.karizd import Refused, environment
from lib.node import ROOT
from lib.wait import SCALE, wait_until

ANNA, BORIS, CARL = 61001, 61002, 61003  # officer, officer, operator
GROUP = "nogroup"
WHY = ("--basis", "seen at the desk")


class Desk(KarizTest):
    """Two officers and an operator, each a user of the machine."""

    settings = {"registry": {"four_eyes": True, "operators": [
        {"name": "Anna", "uid": ANNA, "role": "officer"},
        {"name": "Boris", "uid": BORIS, "role": "officer"},
        {"name": "Carl", "uid": CARL, "role": "operator"}]},
        "control": {"group": GROUP}}
    miners = ()

    @classmethod
    def setUpClass(cls):
        need(os.geteuid() == 0, "root, to be several users")
        super().setUpClass()
        os.chmod(cls.karizd.folder, 0o711)
        cls.files = tempfile.mkdtemp(prefix="kariz-desk-")
        os.chmod(cls.files, 0o755)

    def by(self, uid, *args, fails=None):
        done = subprocess.run(
            self.karizd.command("--json", *args), user=uid, group=GROUP, extra_groups=[],
            capture_output=True, text=True, timeout=60 * SCALE, check=False,
            env=environment(), stdin=subprocess.DEVNULL)
        if fails is not None:
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stderr, fails)
            return None
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def apply(self, miner, uid=CARL, **over):
        path = os.path.join(self.files, miner + ".json")
        with open(path, "w") as f:
            json.dump(records.record(miner, **over), f)
        os.chmod(path, 0o644)
        return self.by(uid, "miner", "apply", "--file", path)

    def activate(self, miner, **over):
        self.apply(miner, **over)
        self.by(CARL, "miner", "submit", miner)
        self.by(ANNA, "miner", "approve", miner, *WHY)
        return self.by(BORIS, "miner", "approve", miner, *WHY)

    def state(self, miner):
        return self.karizd.ask("miner", "show", miner)["state"]

    def login(self, name, **how):
        rig = self.rig(**how)
        rig.subscribe()
        return rig, rig.authorize(name)

    def words(self, miner=None):
        chain = self.karizd.ask("audit", "show", *([miner] if miner else []))
        return [(e["event"]["event"], e["event"]["actor"], e["event"]["second"])
                for e in chain]


class FourEyes(Desk):
    def test_nobody_alone_makes_a_miner_active(self):
        shown = self.apply("first")
        self.assertEqual([f for f in shown["findings"] if f["severity"] == "error"], [])
        self.by(CARL, "miner", "approve", "first", *WHY, fails="takes an officer")
        self.by(ANNA, "miner", "approve", "first", *WHY, fails="draft cannot become active")
        self.by(CARL, "miner", "submit", "first")
        self.by(ANNA, "miner", "approve", "first", *WHY)
        self.by(ANNA, "miner", "approve", "first", *WHY, fails="open|proposed")
        self.by(ANNA, "miner", "confirm", "first", fails="another|second|Anna")
        self.assertEqual(self.state("first"), "submitted")
        self.assert_error(self.login("first.rig")[1], 24, "unregistered")
        self.by(BORIS, "miner", "confirm", "first")
        self.assertEqual(self.state("first"), "active")
        self.assertIs(self.login("first.rig")[1]["result"], True)
        self.assertEqual(self.words("first"), [
            ("applied", "Carl", None), ("submitted", "Carl", None),
            ("proposed", "Anna", None), ("activated", "Anna", "Boris")])

    def test_who_is_not_listed_may_look_and_nothing_else(self):
        self.activate("looked-at")
        with self.assertRaisesRegex(Refused, "uid 0 is no operator"):
            self.karizd.ctl("miner", "suspend", "looked-at", "--reason", "suspicion", *WHY)
        self.assertEqual(self.state("looked-at"), "active")

    def test_a_reload_takes_somebody_s_right_away_and_gives_it_back(self):
        self.activate("reloaded")
        listed = self.karizd.settings["registry"]["operators"]
        suspend = ("miner", "suspend", "reloaded", "--reason", "suspicion", *WHY)
        self.karizd.write_settings(registry={"operators": listed[1:]})
        self.karizd.ctl("reload")
        self.by(ANNA, *suspend, fails="no operator")
        self.karizd.write_settings(registry={"operators": listed})
        self.karizd.ctl("reload")
        self.by(ANNA, *suspend)

    def test_an_address_takes_two_people_and_its_waiting_time(self):
        self.activate("moving")
        new = bitcoin.demo_address("moving-2")
        self.by(CARL, "address", "add", "moving", new, *WHY)
        self.assert_error(self.login(new + ".rig")[1], 24, "unregistered")
        self.by(CARL, "miner", "confirm", "moving", fails="takes an officer|another")
        self.by(ANNA, "address", "add", "moving", new, *WHY)
        self.assertIs(self.login(new + ".rig")[1]["result"], True)
        listed = self.karizd.ask("miner", "show", "moving")["payout_addresses"]
        self.assertEqual(listed[1]["address"], new)
        self.assertGreater(listed[1]["payable_from"], listed[1]["from"])

    def test_what_was_proposed_can_be_withdrawn(self):
        self.activate("kept")
        self.by(ANNA, "miner", "suspend", "kept", "--reason", "suspicion", *WHY)
        self.assertEqual(self.state("kept"), "active")
        self.by(ANNA, "miner", "withdraw", "kept")
        self.by(BORIS, "miner", "confirm", "kept", fails="proposal")

    def test_an_urgent_suspension_is_at_once_and_waits_for_a_second_person(self):
        self.activate("urgent")
        rig = self.ready_rig("urgent.rig")
        self.by(ANNA, "miner", "suspend", "urgent", "--urgent", "--reason", "suspicion", *WHY)
        rig.wait_closed(2)
        self.assertIn("urgent", self.karizd.ask("miner", "show", "urgent"))
        self.by(ANNA, "miner", "confirm", "urgent", fails="another|Anna|second")
        self.by(BORIS, "miner", "confirm", "urgent")
        self.assertNotIn("urgent", self.karizd.ask("miner", "show", "urgent"))

    def test_an_approval_is_for_the_record_that_the_first_officer_saw(self):
        self.apply("swapped")
        self.by(CARL, "miner", "submit", "swapped")
        self.by(ANNA, "miner", "approve", "swapped", *WHY)
        self.by(BORIS, "screening", "set", "swapped", "--result", "clear", "--lists", "un,eu", *WHY)
        self.by(BORIS, "miner", "approve", "swapped", *WHY, fails="changed since Anna")
        self.by(BORIS, "miner", "confirm", "swapped", fails="changed since Anna")
        self.assertEqual(self.state("swapped"), "submitted")
        self.by(BORIS, "miner", "withdraw", "swapped")
        self.by(BORIS, "miner", "approve", "swapped", *WHY)
        self.by(ANNA, "miner", "approve", "swapped", *WHY)
        self.assertEqual(self.state("swapped"), "active")

    def test_capital_is_booked_by_two_listed_officers_one_of_whom_asks(self):
        book = ("ledger", "capital", "in", "--amount", "5000", "--reason", "a start")
        for by in (("Anna", "Carl"), ("Anna", "Anna"), ("Anna", "Nobody"), ("Boris", "Nobody")):
            self.by(ANNA, *book, "--by", by[0], "--by", by[1], fails="by: |two persons")
        self.by(CARL, *book, "--by", "Anna", "--by", "Boris", fails="one of them Carl")
        with self.assertRaisesRegex(Refused, "uid 0 is no operator"):
            self.karizd.ctl(*book, "--by", "Anna", "--by", "Boris")
        self.by(ANNA, *book, "--by", "Boris", "--by", "Anna")

    def test_an_officer_withdraws_what_an_operator_proposed(self):
        self.activate("blocked")
        self.by(CARL, "address", "add", "blocked", bitcoin.demo_address("blocked-2"), *WHY)
        self.by(ANNA, "miner", "suspend", "blocked", "--reason", "suspicion", *WHY, fails="open")
        self.by(ANNA, "miner", "withdraw", "blocked")
        self.by(ANNA, "miner", "suspend", "blocked", "--reason", "suspicion", *WHY)
        self.by(CARL, "miner", "withdraw", "blocked", fails="an officer")

    def test_an_urgent_suspension_is_confirmed_beside_a_proposal_by_name(self):
        self.activate("both")
        self.by(CARL, "address", "add", "both", bitcoin.demo_address("both-2"), *WHY)
        self.by(ANNA, "miner", "suspend", "both", "--urgent", "--reason", "suspicion", *WHY)
        self.by(BORIS, "miner", "confirm", "both", fails="--what suspension, or --what address_add")
        self.by(BORIS, "miner", "confirm", "both", "--what", "unfreeze", fails="no such proposal")
        self.by(BORIS, "miner", "confirm", "both", "--what", "suspension")
        shown = self.karizd.ask("miner", "show", "both")
        self.assertNotIn("urgent", shown)
        self.assertEqual(shown["proposal"]["what"], "address_add")
        self.assertEqual(len(shown["payout_addresses"]), 1)

    def test_an_authority_s_order_is_carried_out_by_one_officer_at_once(self):
        self.activate("ordered")
        self.by(BORIS, "miner", "suspend", "ordered", "--reason", "authority_order",
                "--authority", "Central Bank", "--document", "17-4")
        self.assertEqual(self.state("ordered"), "suspended")

    def test_a_basis_and_a_known_reason_are_asked_for(self):
        self.activate("reasons")
        suspend = ("miner", "suspend", "reasons")
        self.by(ANNA, *suspend, *WHY, fails="reason")
        self.by(ANNA, *suspend, "--reason", "whim", *WHY, fails="reason.*whim")
        self.by(ANNA, *suspend, "--reason", "suspicion", fails="basis")


    def test_numbers_that_belong_to_one_are_refused_to_another_while_it_lives(self):
        self.activate("holder")
        mine = records.record("holder")
        for field, over in (
                ("tax_id", {"tax_id": mine["tax_id"]}),
                ("registration_id", {"registration_id": mine["registration_id"]}),
                ("serial", {"equipment": mine["equipment"]}),
                ("certificate", {"certificate": mine["certificate"]}),
                ("address", {"payout_addresses": mine["payout_addresses"]})):
            with self.subTest(field), self.assertRaisesRegex(
                    AssertionError, f"{field}: .* is held by holder"):
                self.apply("taker", **over)
        self.by(ANNA, "miner", "close", "holder", "--document", "letter 1")
        self.apply("taker", tax_id=mine["tax_id"])


class Declared(Desk):
    """What the settings say of people and rules is told to the chain, when it changes."""

    def told(self, word):
        return [e["event"]["detail"] for e in self.karizd.ask("audit", "show")
                if e["event"]["event"] == word]

    def test_who_is_taken_for_an_officer_and_every_change_of_it_is_in_the_chain(self):
        wait_until(lambda: self.told("operator_changed"), 5, "the first start is told")
        first, = self.told("operator_changed")
        listed = self.karizd.settings["registry"]["operators"]
        self.assertEqual((first["before"], [o["who"] for o in first["after"]["listed"]]),
                         (None, ["Anna", "Boris", "Carl"]))
        self.karizd.write_settings(registry={"operators": [
            *listed, {"name": "Dora", "uid": 61004, "role": "officer"}]})
        self.karizd.ctl("reload")
        wait_until(lambda: len(self.told("operator_changed")) == 2, 5, "Dora is told")
        second = self.told("operator_changed")[1]
        self.assertEqual(second["before"], first["after"])
        self.assertEqual(second["after"]["listed"][3],
                         {"who": "Dora", "uid": 61004, "role": "officer"})
        self.karizd.write_settings(registry={"operators": listed})
        self.karizd.ctl("reload")
        wait_until(lambda: len(self.told("operator_changed")) == 3, 5, "and that she left")

    def test_a_changed_profile_is_told_at_the_next_start_and_the_same_one_is_not(self):
        wait_until(lambda: self.told("profile_changed"), 5, "the first start is told")
        first, = self.told("profile_changed")
        self.restart()
        self.assertEqual(len(self.told("profile_changed")), 1)
        folder = os.path.join(self.files, "profiles")
        shutil.copytree(os.path.join(ROOT, "conf", "jurisdictions"), folder)
        path = os.path.join(folder, "tm.json")
        with open(path, encoding="utf-8") as f:
            profile = json.load(f)
        profile.update(version="2027-01", verified=True, verified_note="compared with the law")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(profile, f)
        self.karizd.write_settings(registry={"profiles": folder})
        self.restart()
        wait_until(lambda: len(self.told("profile_changed")) == 2, 5, "the new one is told")
        second = self.told("profile_changed")[1]
        self.assertEqual(second["before"], first["after"])
        self.assertEqual((second["after"]["version"], second["after"]["verified"]),
                         ("2027-01", True))
        self.assertNotEqual(second["after"]["sha256"], first["after"]["sha256"])
        self.karizd.ctl("audit", "verify")

    def restart(self):
        self.karizd.stop()
        self.karizd.start()
        wait_until(lambda: self.karizd.status()["registry"]["loaded"], 20, "it is loaded")


class States(Desk):
    def test_each_state_is_what_its_table_says_for_a_live_rig(self):
        self.activate("living")
        rig = self.ready_rig("living.rig")
        rig.mine()
        self.by(ANNA, "miner", "restrict", "living", "--reason", "recheck_due", *WHY)
        rig.mine()  # warned, and mines
        warned = self.rig()
        warned.subscribe("cgminer/4.12.0")
        self.assertIs(warned.authorize("living.rig")["result"], True)
        self.assertIn("restricted", json.dumps(warned.wait_note("client.show_message")))
        for uid in (ANNA, BORIS):
            self.by(uid, "miner", "revoke", "living", "--authority", "Central Bank",
                    "--document", "18-1")
        rig.wait_closed(2)
        self.assert_error(self.login("living.rig")[1], 24, "not active")
        self.by(ANNA, "miner", "resume", "living", *WHY, fails="revoked cannot become active")

    def test_a_login_from_a_foreign_network_is_refused_and_counted(self):
        self.activate("at-home", allowed_networks=["192.0.2.0/24"])
        before = self.karizd.status()["stratum"]["logins_refused"]["network"]
        self.assert_error(self.login("at-home.rig")[1], 24, "not active")
        self.assertEqual(self.karizd.status()["stratum"]["logins_refused"]["network"],
                         before + 1)
        self.by(CARL, "networks", "set", "at-home", "--network", "127.0.0.0/8", *WHY)
        rig = self.ready_rig("at-home.rig")
        rig.mine()
        self.by(CARL, "networks", "set", "at-home", "--network", "192.0.2.0/24", *WHY)
        rig.wait_closed(2)

    def test_a_stop_order_stops_everybody_and_ends(self):
        self.activate("stopped")
        rig = self.ready_rig("stopped.rig")
        self.by(ANNA, "stop-order", "set", "--from", "2026-01-01T00:00:00Z", "--authority",
                "Ministry", "--document", "5")
        rig.wait_closed(3)
        self.assert_error(self.login("stopped.rig")[1], 24, "not active")
        self.assertEqual(self.state("stopped"), "active")
        self.by(ANNA, "stop-order", "end", *WHY)
        wait_until(lambda: self.login("stopped.rig")[1]["result"] is True, 5)

    def test_an_application_with_errors_is_kept_as_a_draft_that_goes_no_further(self):
        shown = self.apply("wrong", tax_id=None, kind="company")
        said = {f["path"] for f in shown["findings"] if f["severity"] == "error"}
        self.assertIn("kind", said)
        self.by(CARL, "miner", "submit", "wrong", fails="kind|tax_id")
        self.assert_error(self.login("wrong.rig")[1], 24, "unregistered")

    def test_a_name_of_the_state_is_flagged_and_a_person_decides(self):
        shown = self.apply("named", official_name="Türkmen Bulut")
        self.assertIn(("flag", "official_name"),
                      {(f["severity"], f["path"]) for f in shown["findings"]})
        self.by(CARL, "miner", "submit", "named")
        self.by(ANNA, "miner", "reject", "named", "--reason", "name_refused", *WHY)
        self.by(ANNA, "miner", "approve", "named", *WHY, fails="rejected cannot become")


class Evidence(Desk):
    def test_personal_values_are_nowhere_in_clear(self):
        person = {"kind": "individual_entrepreneur", "official_name": "Jeren Saparowa",
                  "birth_date": "1984-03-09", "beneficial_owners": None,
                  "representative": {"name": "Jeren Saparowa", "role": "owner",
                                     "phone": "+99365000111", "email": "jeren@example.tm",
                                     "language": "tk"}}
        person.pop("birth_date")  # this profile does not take it
        self.activate("private", **person)
        shown = json.dumps(self.karizd.ask("miner", "show", "private"))
        secrets = ("Jeren", "Saparowa", "+99365000111", "jeren@example.tm")
        self.assertIn("personal", shown)
        for secret in secrets:
            self.assertNotIn(secret, shown)
        self.karizd.stop()
        for secret in secrets:
            found = subprocess.run(["grep", "-rlaF", secret, self.karizd.folder],
                                   capture_output=True, text=True, check=False).stdout
            self.assertEqual(found, "")
            self.assertEqual(self.karizd.logged(re.escape(secret)), [])
        self.karizd.start()
        self.assertEqual(self.state("private"), "active")

    def test_the_chain_is_proved_here_and_by_a_program_that_shares_nothing_with_it(self):
        self.activate("proved")
        self.assertRegex(self.karizd.ctl("audit", "verify"), r"audit verify: ok, \d+ events")
        exported = self.karizd.ctl("audit", "export")
        head = self.karizd.ask("audit", "verify")
        self.assertEqual(audit_check.check_chain(io.BytesIO(exported.encode())),
                         (head["seq"], head["hash"]))
        again = f"{head['seq']}:{head['hash']}"
        self.apply("later")
        self.assertIn("ok", self.karizd.ctl("audit", "verify", "--head", again))
        self.assertEqual(self.verify_file(exported, again)[0], 0)
        status, said = self.verify_file(exported.replace('"proved"', '"proven"', 1))
        self.assertEqual((status, "FAULT" in said, "proven" in said), (1, True, True), said)
        self.assertIn("no event", self.verify_file("")[1])
        other = f"{head['seq']}:{'00' * 32}"
        done = subprocess.run(self.karizd.command("audit", "verify", "--head", other),
                              capture_output=True, text=True, check=False, env=environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED", done.stdout)

    def verify_file(self, text, head=None):
        """What karizctl says of an exported chain, without a daemon."""
        path = os.path.join(self.files, "chain.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        command = self.karizd.command("audit", "verify", "--file", path,
                                      *(["--head", head] if head else []))
        command[2] = "/nowhere"
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env=environment())
        return done.returncode, done.stdout

    def altered(self, old, new):
        """What audit verify says of a copy in which the journal's bytes were changed, and its
        checksums made to fit."""
        copy = tempfile.mkdtemp(prefix="kariz-altered-", dir=self.files)
        subprocess.run(["cp", "-r", os.path.join(self.karizd.settings["data_dir"], "journal"),
                        copy], check=True)
        journal = os.path.join(copy, "journal")
        self.assertGreater(journal_edit.replace(journal, old, new), 0)
        done = subprocess.run(
            self.karizd.command("audit", "verify", "--dir", journal), capture_output=True,
            text=True, check=False, env=environment())
        return done.returncode, done.stdout

    def test_a_past_event_cannot_be_altered_without_being_named(self):
        self.activate("altered")
        status, said = self.altered(b'"reason":"applied"', b'"reason":"appliee"')
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"FAULT +event \d+ .*")
        status, said = self.altered(b"Works of altered", b"Works of another")
        self.assertEqual(status, 1, said)
        self.assertIn("altered", said)
        self.assertRegex(said, "the record that was written with it is another")


if __name__ == "__main__":
    import unittest
    unittest.main()
