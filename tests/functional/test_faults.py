"""At least 200 faults, with seeds that do not change: see lib/faults.py.

    tests/functional/faults     the same for hours
"""

import os
import shutil
import subprocess
import tempfile
import unittest

from lib import faults
from lib import node as nodes
from lib.case import need


class FaultsTest(unittest.TestCase):
    """A system a class; each test goes on with what the one before has left."""

    seed = 0
    weights = faults.COMMON
    how = {}

    @classmethod
    def setUpClass(cls):
        need(nodes.is_available(), "a node (bitcoind or bcoin)")
        need(shutil.which("redis-server"), "redis-server")
        cls.lines = []
        cls.broken = None
        cls.system = faults.System(cls.seed, say=cls.lines.append, **cls.how)
        cls.addClassCleanup(cls.system.close)
        cls.deck = []

    def go(self, count):
        if self.broken:
            self.fail("the system is broken: " + self.broken)
        try:
            for _ in range(count):
                if not self.deck:
                    self.deck.extend(faults.deck(self.weights, self.system.random))
                self.system.run_fault(self.deck.pop())
        except faults.Broken as e:
            type(self).broken = str(e).splitlines()[0]
            raise AssertionError("\n".join(self.lines[-12:]) + f"\n{e}") from None

    @classmethod
    def deck_size(cls):
        return sum(cls.weights.values())


class FaultsEmbedded(FaultsTest):
    seed = 1001
    how = {"redis": "embedded"}

    def test_1_no_sum_is_wrong_after_20_faults(self):
        self.go(20)

    def test_2_no_sum_is_wrong_after_40_faults(self):
        self.go(20)

    def test_3_no_sum_is_wrong_after_60_faults(self):
        self.go(20)

    def test_4_no_sum_is_wrong_after_80_faults(self):
        self.go(20)

    def test_5_each_kind_of_fault_has_happened(self):
        self.assertEqual(set(self.weights) - set(self.system.done), set())
        self.assertGreater(self.system.bench_shares, 0)


class FaultsExternal(FaultsEmbedded):
    seed = 2002
    how = {"redis": "external"}


class FaultsUnderSentinel(FaultsTest):
    seed = 5005
    weights = faults.UNDER_SENTINEL
    how = {"redis": "sentinel"}

    def test_1_no_sum_is_wrong_after_9_faults(self):
        self.go(self.deck_size())
        self.assertEqual(set(self.weights), set(self.system.done))


def can_mount():
    folder = tempfile.mkdtemp()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "kariz-faults", folder],
                              capture_output=True, check=False)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0
    except OSError:
        return False
    finally:
        os.rmdir(folder)


class FaultsOnASmallDisk(FaultsTest):
    seed = 3003
    weights = faults.ON_SMALL_DISK
    how = {"redis": "external", "disk_mb": 256}

    @classmethod
    def setUpClass(cls):
        need(can_mount(), "the right to mount a tmpfs (root)")
        super().setUpClass()

    def test_1_no_sum_is_wrong_after_10_faults(self):
        self.go(10)

    def test_2_no_sum_is_wrong_after_20_faults(self):
        self.go(10)


class FaultsOfTheClock(faults.WithClock, FaultsTest):
    seed = 4004
    weights = faults.WITH_CLOCK
    how = {"redis": "external", "clock": True}

    def test_1_no_sum_is_wrong_after_10_faults(self):
        self.go(10)

    def test_2_no_sum_is_wrong_after_20_faults(self):
        self.go(10)
