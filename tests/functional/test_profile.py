"""karizctl profile: files checked and shown without a daemon."""

import json
import os
import subprocess
import tempfile
import unittest

from lib.karizd import environment, program
from lib.node import ROOT

FOLDER = os.path.join(ROOT, "conf", "jurisdictions")
CODES = ["generic", "kz", "ru", "tm", "uz"]


def karizctl(*words):
    return subprocess.run([program("karizctl"), *words], capture_output=True, text=True,
                          timeout=60, check=False, env=environment())


def file_of(code):
    return os.path.join(FOLDER, code + ".json")


class Profile(unittest.TestCase):
    def test_shipped_profiles_are_fine_and_say_that_nobody_verified_them(self):
        for code in CODES:
            done = karizctl("profile", "check", file_of(code))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.startswith(f"{file_of(code)}: fine\n"), done.stdout)
            self.assertIn("note: not verified", done.stdout)

    def test_what_is_not_set_is_listed(self):
        done = karizctl("--json", "profile", "check", file_of("tm"))
        found = json.loads(done.stdout)
        self.assertIs(found["ok"], True)
        self.assertEqual(len(found["sha256"]), 64)
        self.assertIn("certificate.pattern", found["not_set"])
        self.assertNotIn("certificate.label", found["not_set"])

    def test_a_wrong_value_is_named_with_file_key_and_rule(self):
        with open(file_of("tm"), encoding="utf-8") as f:
            profile = json.load(f)
        profile["tax_id"]["checksum"] = "foo"
        rule = 'tax_id.checksum: "foo": one of none, kz_iin_bin, ru_inn expected'
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tm.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(profile, f)
            done = karizctl("profile", "check", path)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr, f"{path}: {rule}\n")
            done = karizctl("profile", "check", path, "--json")
            self.assertEqual(done.returncode, 1)
            self.assertEqual(json.loads(done.stdout),
                             {"ok": False, "file": path, "problem": rule})
            done = karizctl("--json", "profile", "show", "--dir", folder)
            self.assertEqual(json.loads(done.stdout)[0]["problem"], rule)

    def test_a_profile_is_shown_by_file_or_code(self):
        for which in ("TM", "tm", file_of("tm")):
            done = karizctl("profile", "show", which, "--dir", FOLDER)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.startswith("TM "), done.stdout)
            self.assertIn("NOT VERIFIED", done.stdout)
            self.assertIn("Türkmenistanyň Merkezi banky", done.stdout)
        done = karizctl("--json", "profile", "show", "tm", "--dir", FOLDER)
        with open(file_of("tm"), encoding="utf-8") as f:
            self.assertEqual(json.loads(done.stdout)["profile"], json.load(f))

    def test_all_are_listed_and_the_schema_is_none_of_them(self):
        done = karizctl("--json", "profile", "show", "--dir", FOLDER)
        found = [(p["code"].lower(), p["verified"]) for p in json.loads(done.stdout)]
        self.assertEqual(found, [(code, False) for code in CODES])

    def test_what_is_not_there_is_refused(self):
        for words, status in ((("check", os.path.join(FOLDER, "zz.json")), 1),
                              (("show", "zz", "--dir", FOLDER), 1),
                              (("show", "--dir", os.path.join(FOLDER, "none")), 1),
                              (("show", "a b"), 2), (("check",), 2)):
            done = karizctl("profile", *words)
            self.assertEqual((done.returncode, done.stdout), (status, ""), words)
            self.assertNotEqual(done.stderr, "")
