"""Two months of synthetic life (tests/bench/report_year): every report packed, signed,
judged by verifiers that share no code, added up by a third program, and spoiled. The whole
year is measured by tests/bench/year."""

import os
import shutil
import subprocess
import tempfile
import unittest

from lib import packages, reporting
from lib.case import need
from lib.karizd import REPORTS, environment, program
from lib.node import ROOT
from lib.wait import SCALE

MONTHS = ("TM-2039-01", "TM-2039-02")


class Year(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need(shutil.which("redis-server"), "redis-server")
        need(shutil.which("xmllint"), "xmllint")
        cls.folder = tempfile.mkdtemp(prefix="kariz-year-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run([program("bench/report_year"), "-m", "60", "-r", "5", "-n", "2",
                               "-d", "20", cls.folder], cwd=ROOT, env=environment(),
                              capture_output=True, text=True, check=False,
                              timeout=120 * SCALE)
        said = done.stdout + done.stderr
        if done.returncode != 0 or REPORTS.search(said):
            raise AssertionError(f"report_year: {done.returncode}\n{said}")
        cls.key = "".join(done.stdout.split("key ")[1].split())

    def months(self):
        return [os.path.join(self.folder, month) for month in MONTHS]

    def column(self, folder, report, column):
        return {row[column] for row in reporting.report(folder, report)["rows"]}

    def test_each_package_is_what_was_signed_and_has_valid_xml(self):
        for folder in self.months():
            packages.check(folder, self.key)
            packages.check_xml(folder)

    def test_the_reports_add_up_and_each_month_begins_where_the_one_before_ended(self):
        balances = {}
        for folder in self.months():
            balances = packages.add_up(folder, balances)
        self.assertGreater(sum(balances.values()), 0)

    def test_a_bit_turned_anywhere_is_caught_and_its_file_named(self):
        first, second = self.months()
        files = len(os.listdir(first))
        self.assertEqual(packages.check_flips(first, self.key, seed=1), files)
        packages.check_flips(second, self.key, seed=2, anywhere=20)

    def test_the_life_has_what_reports_are_about(self):
        january, february = self.months()
        self.assertLessEqual({"credit", "fee", "payment", "network_fee", "reversal",
                              "adjustment"}, self.column(january, "R5", "entry_kind"))
        self.assertLessEqual({"applied", "suspended", "resumed", "restricted", "frozen",
                              "closed", "address_added", "certificate_set",
                              "equipment_added"}, self.column(january, "R2", "event"))
        self.assertLessEqual({"activated", "rejected", "revoked", "stop_order_set",
                              "alert_decided"},
                             self.column(january, "R2", "event") |
                             self.column(february, "R2", "event"))
        self.assertEqual({("individual_entrepreneur", "resident"),
                          ("individual_entrepreneur", "non_resident"),
                          ("legal_entity", "resident"), ("legal_entity", "non_resident")},
                         {(row["kind"], row["residency"])
                          for row in reporting.report(january, "R1")["rows"]})
        self.assertGreater(len(self.column(january, "R7", "reason")), 3)
        self.assertIn("over_declared", self.column(january, "R8", "rule"))


if __name__ == "__main__":
    unittest.main()
