"""From a template to a block that the node accepts, and what is said about it."""

import glob
import json
import os
import shutil
import subprocess
import tempfile

from lib import bitcoin, node as nodes
from lib.case import KarizTest, need
from lib.karizd import environment, listener, program, wrapped
from lib.wait import SCALE, wait_until


class Blocks(KarizTest):
    miners = ("alice", "bob")

    def mine_block(self, rig):
        rig.settle()
        tip = self.node.tip()
        wait_until(lambda: rig.read(0.02) or rig.job.prev_display() == tip, 15,
                   "the rig's job builds on the tip")
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node has the block as tip")
        return found

    def test_a_found_block_is_accepted_with_transactions_commitment_tag_and_address(self):
        txids = self.node.fill_template(5)
        rig = self.ready_rig()
        wait_until(lambda: rig.read(0.05) or len(rig.job.branch) >= 3, 20,
                   "a job with the five transactions")
        block = self.node.block(self.mine_block(rig))
        inside = {bitcoin.display(t.txid()) for t in block.txs[1:]}
        self.assertGreaterEqual(len(inside), 5)
        self.assertLessEqual(inside, set(txids))
        self.assertEqual(block.merkle_root(), block.root)
        self.assertTrue(block.txs[1].witness[0], "transactions carry their witnesses")
        self.assertEqual(block.committed(), block.witness_commitment())
        coinbase = block.txs[0]
        script = coinbase.inputs[0][2]
        self.assertTrue(script.startswith(bitcoin.script_number(self.node.height)), script)
        self.assertIn(b"/test/", script)
        self.assertLessEqual(len(script), 100)
        paid = bitcoin.segwit_script(bitcoin.demo_program("operator"))
        value = sum(v for v, s in coinbase.outputs if s == paid)
        self.assertEqual(value, sum(v for v, _ in coinbase.outputs))
        self.assertGreater(value, 0)

    def test_a_block_with_rolled_version_bits_is_accepted(self):
        rig = self.rig()
        rig.configure()
        rig.ready("alice.rolling")
        share = rig.find(kind="block", bits=0x1ABC6000)
        self.assertIs(rig.submit(share)["result"], True)
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10)
        self.assertEqual(self.node.block(found).version & 0x1FFFE000, 0x1ABC6000)

    def test_many_blocks_in_a_row_follow_each_other(self):
        rig = self.ready_rig()
        before = self.node.height
        for _ in range(5):
            self.mine_block(rig)
        self.assertEqual(self.node.height, before + 5)

    def test_found_blocks_are_listed_and_kept_on_disk(self):
        rig = self.ready_rig("bob.finder")
        found = self.mine_block(rig)
        def row():
            return [b for b in self.karizd.ask("blocks") if found in json.dumps(b)]
        wait_until(row, 10, "the block is listed")
        wait_until(lambda: "accepted" in json.dumps(row()), 10, "the answer is listed")
        self.assertIn("bob", json.dumps(row()))
        folder = os.path.join(self.karizd.settings["data_dir"], "blocks")
        wait_until(lambda: self.kept_hex(folder, found), 10, "the block's hex is on disk")
        blocks = self.karizd.status()["blocks"]
        self.assertGreaterEqual(blocks["accepted"], 1)
        self.assertEqual(blocks["rejected"], 0)

    @staticmethod
    def kept_hex(folder, found):
        for path in glob.glob(folder + "/**", recursive=True):
            if os.path.isfile(path) and found in path and not path.endswith(".tmp"):
                try:
                    with open(path) as f:
                        text = f.read().strip()
                except FileNotFoundError:
                    continue  # renamed: its fate is known by now
                block = bitcoin.Block(bytes.fromhex(text.splitlines()[-1]))
                return bitcoin.display(block.hash()) == found
        return False

    def test_a_new_block_of_the_network_becomes_a_job_with_clean_jobs(self):
        rig = self.ready_rig()
        old = rig.job.id
        tip = self.node.generate(1)[0]
        wait_until(lambda: rig.read(0.05) or rig.job.prev_display() == tip, 5, "the new job")
        self.assertNotEqual(rig.job.id, old)
        self.assertIs(rig.job.clean, True)

    def test_a_better_template_of_the_same_height_becomes_a_job_without_clean_jobs(self):
        self.node.generate(1)
        rig = self.ready_rig()
        self.node.fill_template(1)
        self.karizd.ctl("nudge")
        # The job on the new block may only come now: read on until there is one with more.
        wait_until(lambda: (rig.read(0.05), rig.job.branch)[1], 10, "a job with a transaction")
        self.assertIs(rig.job.clean, False)

    def test_assembled_blocks_are_proposed_and_found_good(self):
        self.node.generate(1)
        self.ready_rig()
        self.assertEqual(self.karizd.status()["proposal"], "")
        self.assertFalse(self.karizd.logged(r"error \S*proposal"))


class CoinbaseSettings(KarizTest):
    """Direct payouts are on, and no accounts say yet who is to be paid."""

    settings = {
        "stratum": {"listen": [listener(), listener(coinbase="largest")]},
        "payout": {"direct": True, "scheme": "tides", "fee_percent": 1.5},
    }

    def test_without_accounts_the_pools_address_takes_all(self):
        rigs = []
        for i, agent in enumerate(("whatsminer/1", "some-rig/1", "some-rig/1")):
            rig = self.rig(listener=i // 2)
            rig.subscribe(agent)
            self.assertIs(rig.authorize(f"alice.{i}")["result"], True)
            rig.settle()
            rigs.append(rig)
        self.assertEqual(len({rig.job.coinb2 for rig in rigs}), 1)
        share = rigs[2].mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node has the block as tip")
        outputs = self.node.block(found).txs[0].outputs
        self.assertEqual([s for v, s in outputs if v > 0],
                         [bitcoin.segwit_script(bitcoin.demo_program("operator"))])
        status = self.karizd.status()
        self.assertEqual((status["forms"], status["payees"], status["snapshot"]), (1, 0, 0))

    def test_the_class_of_a_session_is_listed(self):
        rigs = [self.rig(listener=i) for i in (0, 0, 1)]
        for rig, agent in zip(rigs, ("bosminer 1", "some-rig/1", "bosminer 1")):
            rig.subscribe(agent)
            rig.authorize(f"alice.class-{rigs.index(rig)}")
        rows = {row["worker"]: row.get("sessions", [])
                for row in self.karizd.ask("workers", "alice")}
        classes = [s["coinbase"] for i in range(3) for s in rows[f"class-{i}"]]
        self.assertEqual(classes, ["s21", "small", "largest"])

    def test_a_reload_says_which_payout_settings_need_a_restart(self):
        self.karizd.write_settings(payout={"scheme": "prop", "direct_outputs": 5})
        answer = self.karizd.ctl("reload")
        self.karizd.write_settings(payout={"scheme": "tides"})
        self.assertIn("payout.scheme", answer)
        self.assertNotIn("payout.direct", answer)


class CpuRig(KarizTest):
    """The project's own rig as a stranger's would be: a process with a URL."""

    def bench(self, *args):
        done = subprocess.run(
            wrapped([program("kariz-bench"), *args]), capture_output=True, text=True,
            timeout=120 * SCALE, env=environment(), stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_kariz_bench_rig_finds_shares_and_blocks(self):
        height = self.node.height
        host, port = self.karizd.address()
        self.bench("rig", "--url", f"stratum+tcp://{host}:{port}", "--user", "alice.cpu",
                   "--password", "x", "--shares", "10", "--seconds", "60", "--quiet")
        wait_until(lambda: int(self.karizd.miner("alice").get("accepted", 0)) >= 10, 10,
                   "ten shares in the tally")
        wait_until(lambda: self.node.height > height, 10, "blocks at the node")

    def test_kariz_bench_load_measures_connections(self):
        host, port = self.karizd.address()
        out = self.bench("load", "--url", f"stratum+tcp://{host}:{port}", "--user",
                         "alice.load", "--connections", "50", "--seconds", "3")
        self.assertTrue(out.strip())


class Pending(KarizTest):
    """A block that no node could take at once."""

    own_karizd = True

    @classmethod
    def make_nodes(cls):
        return []

    def setUp(self):
        node = nodes.new_node()
        self.addCleanup(node.remove)
        self.node = node.start()
        self.nodes = [node]

    def test_a_block_found_while_the_node_is_away_is_sent_again_when_it_is_back(self):
        self.start_karizd(node_timeout_seconds=2)
        rig = self.ready_rig()
        share = rig.find(kind="block")
        self.node.kill()
        rig.submit(share)
        wait_until(lambda: self.karizd.status()["blocks"]["pending"] >= 1, 10)
        self.node.start()
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 30, "the node got the block")

    def test_a_restart_sends_a_pending_block_again(self):
        karizd = self.start_karizd(node_timeout_seconds=2)
        rig = self.ready_rig()
        share = rig.find(kind="block")
        found = bitcoin.display(share.hash)
        self.node.kill()
        rig.submit(share)
        folder = os.path.join(karizd.settings["data_dir"], "blocks")
        wait_until(lambda: Blocks.kept_hex(folder, found), 10, "the block is on disk")
        karizd.kill()
        self.node.start()
        self.assertNotEqual(self.node.tip(), found)
        karizd.start()
        wait_until(lambda: self.node.tip() == found, 20, "the node got the block")

    def test_a_full_disk_does_not_stop_a_block(self):
        need(os.geteuid() == 0 and shutil.which("mount"), "root and mount for a small disk")
        data = tempfile.mkdtemp(prefix="kariz-disk-")
        self.addCleanup(shutil.rmtree, data, True)
        blocks = os.path.join(data, "blocks")
        os.makedirs(blocks)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", blocks],
                                 capture_output=True)
        need(mounted.returncode == 0, "the right to mount a small disk")
        self.addCleanup(subprocess.run, ["umount", blocks])
        with open(os.path.join(blocks, "filler"), "wb", buffering=0) as f:
            with self.assertRaises(OSError):
                while True:
                    f.write(b"x" * 4096)
        self.start_karizd(data_dir=data)
        rig = self.ready_rig()
        share = rig.mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node got the block")
        self.karizd.wait_log(r"(error|warn) .*block", 10)
        self.karizd.stop()
