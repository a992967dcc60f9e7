"""Nodes that die, come back, lie or lag: where the jobs come from then."""

import time

from lib import bitcoin, node as nodes
from lib.case import KarizTest
from lib.fakenode import FakeNode
from lib.karizd import Karizd, listener
from lib.wait import SCALE, wait_until

# A regtest node may say that it is in initial download for ever, so blocks count here.
CATCHING_UP = {"initialblockdownload": True, "headers": 5000}
TWO = {"stratum": {"listen": [listener()], "vardiff": {"minimum": 1e-7, "maximum": 1e15}}}


class FailOver(KarizTest):
    own_karizd = True

    @classmethod
    def make_nodes(cls):
        return []

    def pair(self):
        """Two nodes with one chain."""
        pair = []
        for _ in range(2):
            node = nodes.new_node()
            self.addCleanup(node.remove)
            pair.append(node.start())
        pair[1].connect_to(pair[0])
        pair[0].generate(1)
        wait_until(lambda: pair[1].tip() == pair[0].tip(), 20, "the nodes are in step")
        return pair

    def test_the_second_node_gives_the_jobs_within_a_second_of_the_first_ones_death(self):
        first, second = self.pair()
        self.start_karizd([first, second])
        rig = self.ready_rig()
        wait_until(lambda: self.karizd.status()["node_in_use"] == 0, 10)
        first.kill()
        died = time.monotonic()
        wait_until(lambda: self.karizd.status()["node_in_use"] == 1, 5, "the second is used")
        took = time.monotonic() - died
        self.assertLess(took, 1.0 * SCALE, "fail-over within a second")
        tip = second.generate(1)[0]
        wait_until(lambda: rig.read(0.05) or rig.job.prev_display() == tip, 5,
                   "a job on the second node's tip")
        share = rig.mine("block")
        wait_until(lambda: second.tip() == bitcoin.display(share.hash), 10)

        first.start()
        first.connect_to(second)
        wait_until(lambda: first.tip() == second.tip(), 30, "the first is in step again")
        wait_until(lambda: self.karizd.status()["node_in_use"] == 0, 30, "fail-back")

    def test_a_restarted_node_with_a_new_cookie_is_used_again(self):
        node = nodes.new_node()
        self.addCleanup(node.remove)
        node.start()
        self.start_karizd([node])
        rig = self.ready_rig()
        node.kill()
        wait_until(lambda: "healthy" not in str(self.karizd.status()["nodes"][0]["state"]),
                   15, "the node is seen as gone")
        node.start()
        wait_until(lambda: self.karizd.status()["nodes"][0]["state"] == "healthy", 30,
                   "the node is healthy again")
        tip = node.generate(1)[0]
        wait_until(lambda: rig.read(0.05) or rig.job.prev_display() == tip, 15, "its jobs come")

    def test_blocks_go_to_all_nodes(self):
        first, second = self.pair()
        self.start_karizd([first, second])
        rig = self.ready_rig()
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        for node in (first, second):
            wait_until(lambda: node.tip() == found, 10, "each node has the block")
        wait_until(lambda: len(self.karizd.logged(r"block_\w+ .*" + found)) >= 2, 10,
                   "each node's answer is logged")


class FakeNodes(KarizTest):
    """What a real node cannot be made to do."""

    own_karizd = True
    settings = TWO

    @classmethod
    def make_nodes(cls):
        return []

    def fake(self, **changes):
        node = FakeNode().start()
        node.changes = changes
        self.addCleanup(node.stop)
        return node

    def test_a_reply_waits_for_the_first_template_rather_than_fail(self):
        node = self.fake()
        node.info = CATCHING_UP
        karizd = Karizd([node], **TWO)
        self.addCleanup(karizd.close)
        karizd.start(wait_for_job=False)
        self.karizd = karizd
        karizd.register("alice")
        rig = self.rig()
        call = rig.start_call("mining.subscribe", "early/1")
        self.assertIsNone(rig.read(0.3 / SCALE), "no reply yet")
        node.info = {}
        reply = rig.finish_call(call, 10)
        self.assertIsNone(reply["error"])
        rig.wait_note("mining.notify", 10)

    def test_a_subscribe_is_answered_within_six_seconds_even_without_a_node(self):
        node = self.fake()
        node.info = CATCHING_UP
        karizd = Karizd([node], **TWO)
        self.addCleanup(karizd.close)
        karizd.start(wait_for_job=False)
        self.karizd = karizd
        rig = self.rig()
        started = time.monotonic()
        rig.call("mining.subscribe", "early/1")
        self.assertLess(time.monotonic() - started, 6 * SCALE)

    def refused(self, pattern, **changes):
        """A bad template after a good one: refused with a reason, the work kept."""
        node = self.fake()
        self.start_karizd([node])
        rig = self.ready_rig()
        job, seen = rig.job.id, len(self.karizd.lines)
        node.change(**changes)
        self.karizd.wait_log(pattern, 15, seen)
        rig.settle()
        self.assertEqual(rig.job.prev_display(), bitcoin.display(node.prev))
        self.assertEqual(rig.job.id, job)

    def test_a_template_with_an_unknown_mandatory_rule_is_refused(self):
        self.refused(r"(error|warn) .*(!fancy|rule)", rules=["csv", "!segwit", "!fancy"])

    def test_a_template_with_a_wrong_witness_commitment_is_refused(self):
        self.refused(r"(error|warn) .*commitment",
                     default_witness_commitment="6a24aa21a9ed" + "00" * 32)

    def test_a_template_without_bits_is_refused(self):
        self.refused(r"(error|warn) .*bits", bits=None)

    def test_a_template_with_negative_value_is_refused(self):
        self.refused(r"(error|warn) .*coinbasevalue", coinbasevalue=-1)

    def test_a_template_with_a_broken_transaction_is_refused(self):
        self.refused(r"(error|warn) .*(transaction|txid|data)",
                     transactions=[{"data": "00", "txid": "zz", "hash": "zz", "fee": 0,
                                    "sigops": 0, "weight": 4, "depends": []}])

    def test_a_node_on_another_chain_is_not_used(self):
        good, wrong = self.fake(), self.fake()
        wrong.info = {"chain": "main"}
        self.start_karizd([wrong, good])
        status = self.karizd.status()
        self.assertEqual(status["node_in_use"], 1)
        self.assertIn("chain", status["nodes"][0]["state"])

    def test_a_node_in_initial_download_is_not_used(self):
        good, young = self.fake(), self.fake()
        young.info = CATCHING_UP
        self.start_karizd([young, good])
        self.assertEqual(self.karizd.status()["node_in_use"], 1)

    def test_a_node_that_is_behind_is_not_used(self):
        good, behind = self.fake(), self.fake()
        good.height += 10
        good.prev = bitcoin.sha256(b"ten later")
        self.start_karizd([behind, good])
        wait_until(lambda: self.karizd.status()["node_in_use"] == 1, 10)

    def test_a_refused_proposal_is_an_error_in_log_and_status(self):
        node = self.fake()
        node.proposal_answer = "bad-txns-something"
        self.start_karizd([node])
        wait_until(lambda: "bad-txns-something" in self.karizd.status()["proposal"], 10)
        self.karizd.wait_log("error .*bad-txns-something")
        self.assertGreater(len(node.proposals), 0)

    def test_a_proposed_block_is_whole(self):
        node = self.fake()
        self.start_karizd([node])
        wait_until(lambda: node.proposals, 10, "a proposal came")
        block = bitcoin.Block(bytes.fromhex(node.proposals[0]))
        self.assertEqual(block.merkle_root(), block.root)
        self.assertEqual(block.committed(), block.witness_commitment())
        self.assertEqual(block.prev, node.prev)
