"""The base of the functional tests: a node a process, a karizd a class, rigs a test."""

import shutil
import unittest

from . import node as nodes
from .karizd import Karizd
from .rig import Rig

_shared = {}


def shared_node():
    """One node for all classes of this process that do not harm theirs."""
    if "node" not in _shared:
        _shared["node"] = nodes.new_node().start()
    return _shared["node"]


def stop_shared_node():
    node = _shared.pop("node", None)
    if node:
        node.remove()


def need(condition, what):
    """A missing component is a named skip; tests/run makes it a failure."""
    if not condition:
        raise unittest.SkipTest("missing: " + what)


class KarizTest(unittest.TestCase):
    """`settings` are laid over the defaults; `miners` are registered at the start."""

    settings = {}
    miners = ("alice",)
    own_karizd = False  # True: each test starts its own

    @classmethod
    def make_nodes(cls):
        return [shared_node()]

    @classmethod
    def setUpClass(cls):
        need(nodes.is_available(), "a node (bitcoind or bcoin)")
        need(shutil.which("redis-server"), "redis-server")
        cls.nodes = cls.make_nodes()
        cls.node = cls.nodes[0] if cls.nodes else None
        if not cls.own_karizd:
            cls.karizd = Karizd(cls.nodes, **cls.settings)
            cls.addClassCleanup(cls.karizd.close)
            cls.karizd.start()
            cls.register_all(cls.karizd)

    @classmethod
    def register_all(cls, karizd):
        for i, miner in enumerate(cls.miners):
            if i % 2:
                karizd.register(miner, "non_resident", "KZ")
            else:
                karizd.register(miner)

    def start_karizd(self, node_list=None, **settings):
        """A karizd of this test's own."""
        merged = {**self.settings, **settings}
        karizd = Karizd(self.nodes if node_list is None else node_list, **merged)
        self.addCleanup(karizd.close)
        karizd.start()
        self.register_all(karizd)
        self.karizd = karizd
        return karizd

    def rig(self, listener=0, karizd=None, **how):
        rig = Rig((karizd or self.karizd).address(listener), **how)
        self.addCleanup(rig.close)
        return rig

    def ready_rig(self, login="alice.rig1", **how):
        password = how.pop("password", "x")
        return self.rig(**how).ready(login, password)

    def assert_error(self, reply, code, text=""):
        """The reply is a refusal with that code, in the form that rigs expect."""
        self.assertIn("result", reply)
        self.assertIn(reply["result"], (None, False), reply)
        error = reply["error"]
        self.assertIsInstance(error, list, reply)
        self.assertEqual(len(error), 3, reply)
        self.assertEqual(error[0], code, reply)
        self.assertIn(text.lower(), error[1].lower(), reply)
        self.assertIsNone(error[2], reply)
