"""Packages of reports: judged by verifiers that share no code, added up, and spoiled."""

import contextlib
import glob
import importlib.util
import os
import random
import re
import shutil
import subprocess
import tempfile
from importlib.machinery import SourceFileLoader

from . import reporting
from .karizd import REPORTS, environment, program
from .node import ROOT
from .wait import SCALE


def _load_verifier():
    """tests/report_verify, which is a program, as a module."""
    loader = SourceFileLoader("report_verify", os.path.join(ROOT, "tests", "report_verify"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("report_verify", loader))
    loader.exec_module(module)
    return module


_verifier = _load_verifier()


# --- is it what was signed? ------------------------------------------------------------

def python_says(folder, key):
    """What tests/report_verify finds wrong; "": nothing."""
    try:
        _verifier.verify(folder, key)
    except _verifier.Wrong as wrong:
        return str(wrong)
    return ""


def karizctl_says(folder, key):
    """What karizctl finds wrong; "": nothing."""
    done = subprocess.run([program("karizctl"), "report", "verify", folder, "--key", key],
                          capture_output=True, text=True, check=False, timeout=120 * SCALE,
                          env=environment(), stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    if done.returncode not in (0, 1) or REPORTS.search(said):
        raise AssertionError(f"karizctl report verify {folder}: {done.returncode}\n{said}")
    return said if done.returncode else ""


VERIFIERS = {"report_verify": python_says, "karizctl": karizctl_says}


def check(folder, key):
    for name, says in VERIFIERS.items():
        if said := says(folder, key):
            raise AssertionError(f"{name}: {folder}: {said}")


def check_xml(folder):
    subprocess.run(["xmllint", "--noout", "--nonet", "--schema",
                    os.path.join(folder, "report.xsd"), *glob.glob(folder + "/*.xml")],
                   check=True, capture_output=True, timeout=600 * SCALE)


# --- spoiled ---------------------------------------------------------------------------

@contextlib.contextmanager
def flipped(path, offset, bit):
    """The file with one bit of it turned, for a while."""
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ 1 << bit]))
    try:
        yield
    finally:
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(bytes([byte]))


def places(folder, seed, anywhere):
    """(file, offset, bit): so many anywhere in the bytes; None: one in each file."""
    chosen = random.Random(seed)
    sizes = {name: os.path.getsize(os.path.join(folder, name))
             for name in sorted(os.listdir(folder))}
    names = list(sizes)
    if anywhere is not None:
        names = chosen.choices(names, list(sizes.values()), k=anywhere)
    return [(name, chosen.randrange(sizes[name]), chosen.randrange(8)) for name in names]


def names_file(said, name):
    return re.search(r"(?<![\w.-])" + re.escape(name) + r"(?![\w-])", said) is not None


def check_flip(folder, key, name, offset, bit):
    with flipped(os.path.join(folder, name), offset, bit):
        for verifier, says in VERIFIERS.items():
            said = says(folder, key)
            if not names_file(said, name):
                raise AssertionError(f"{verifier}: bit {bit} of byte {offset} of {name} was "
                                     f"turned, and it says: {said or 'all is well'}")


def check_flips(folder, key, seed, anywhere=None):
    """Wherever a bit of a copy is turned, each verifier refuses and names the file. How many
    were."""
    with tempfile.TemporaryDirectory(prefix="kariz-spoiled-") as place:
        copy = shutil.copytree(folder, os.path.join(place, "copy"))
        tried = places(copy, seed, anywhere)
        for name, offset, bit in tried:
            check_flip(copy, key, name, offset, bit)
        check(copy, key)
    return len(tried)


# --- do the reports agree? -------------------------------------------------------------

def sums(rows, columns, of=lambda row: True):
    """miner -> the columns' sums."""
    found = {}
    for row in filter(of, rows):
        sum_of = found.setdefault(row["miner_id"], [0] * len(columns))
        for i, column in enumerate(columns):
            sum_of[i] += row[column]
    return {miner: values for miner, values in found.items() if any(values)}


def need_equal(what, a, b):
    if a != b:
        raise AssertionError(f"{what}: {str(a)[:300]} is not {str(b)[:300]}")


def is_kind(*kinds):
    return lambda row: row["entry_kind"] in kinds


def add_up(folder, balances):
    """R4, R5, R6 and R9 of a period and, miner by miner, of the one before: `balances` is
    {} before the first, and what this returns before each next one."""
    r4, r5, r6, r9 = (reporting.report(folder, r)["rows"] for r in ("R4", "R5", "R6", "R9"))
    for column, kinds in (("credited_sat", ["credit"]), ("fee_sat", ["fee"]),
                          ("paid_sat", ["payment", "network_fee"]),
                          ("reversed_sat", ["reversal"]), ("adjusted_sat", ["adjustment"])):
        need_equal(f"{folder}: {column} of R4 and R5", sums(r4, [column]),
                   sums(r5, ["amount_sat"], is_kind(*kinds)))
    for group in {row["group_by"] for row in r6}:
        for column in ("accepted_shares", "credited_sat", "paid_sat", "fee_sat"):
            need_equal(f"{folder}: {column} of R4 and of R6 by {group}",
                       sum(row[column] for row in r4),
                       sum(row[column] for row in r6 if row["group_by"] == group))
    balances = dict(balances)
    for row in r4:
        miner = row["miner_id"]
        need_equal(f"{folder}: what {miner} begins {row['day']} with",
                   row["balance_start_sat"], balances.get(miner, 0))
        balances[miner] = row["balance_end_sat"]
    need_equal(f"{folder}: liabilities", sum(balances.values()), r9[0]["liabilities_sat"])
    return balances
