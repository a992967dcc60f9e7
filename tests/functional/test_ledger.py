"""The reading side of the accounts: balances, statements, proofs of ledger and journal."""

import glob
import json
import os
import pty
import re
import signal
import struct
import subprocess
import time

from lib import bitcoin
from lib import node as nodes
from lib.case import KarizTest
from lib.fakenode import FakeNode
from lib.karizd import Refused, environment, listener
from lib.wait import SCALE, wait_until


class Asked(KarizTest):
    """With what every test here needs."""

    def run_ctl(self, *args, karizd=None):
        """(exit code, standard output, standard error) of karizctl."""
        done = subprocess.run((karizd or self.karizd).command(*args), capture_output=True,
                              text=True, timeout=60 * SCALE, env=environment(),
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def redis(self, *args):
        socket = os.path.join(self.karizd.settings["data_dir"], "redis", "redis.sock")
        done = subprocess.run(["redis-cli", "-s", socket, *args], capture_output=True,
                              text=True, timeout=20, check=True)
        return done.stdout.strip()


class EmptyLedger(Asked):
    miners = ("alice", "bob")

    def test_an_empty_ledger_is_proved(self):
        code, said, _ = self.run_ctl("ledger", "verify")
        self.assertEqual(code, 0, said)
        self.assertEqual(said.splitlines()[-1], "ledger verify: ok, 0 entries, 0 blocks")

    def test_a_balance_that_no_entry_made_is_found_and_named(self):
        self.redis("HINCRBY", "bal:{ledger}:mature", "alice", "1000")
        try:
            code, said, _ = self.run_ctl("ledger", "verify")
            self.assertEqual(code, 1, said)
            self.assertIn("mature:alice is kept as -1000, but its entries sum to 0", said)
            self.assertTrue(said.splitlines()[-1].startswith("ledger verify: FAILED: "), said)
            row = self.karizd.ask("balance", "alice")["miners"]
            self.assertEqual([(m["miner"], m["mature"], m["total"]) for m in row],
                             [("alice", 1000, 1000)])
            self.assertIn("0.00001000", self.karizd.ctl("balance"))
        finally:
            self.redis("HDEL", "bal:{ledger}:mature", "alice")
        self.assertEqual(self.run_ctl("ledger", "verify")[0], 0)

    def test_a_field_that_is_no_account_is_found_and_named(self):
        self.redis("HSET", "acc:{ledger}", "coins.secret", "5")
        try:
            code, said, _ = self.run_ctl("ledger", "verify")
            self.assertEqual(code, 1, said)
            self.assertIn("coins.secret", said.splitlines()[-1])
        finally:
            self.redis("HDEL", "acc:{ledger}", "coins.secret")

    def test_an_entry_that_is_no_entry_is_found(self):
        self.redis("XADD", "led:{ledger}", "1-0", "e", '{"key":"x"}')
        self.redis("SET", "ledseq:{ledger}", "1")
        try:
            code, said, _ = self.run_ctl("ledger", "verify")
            self.assertEqual(code, 1, said)
            self.assertIn("entry 1 of led:{ledger} is damaged", said.splitlines()[-1])
            self.redis("SET", "ledseq:{ledger}", "2")
            self.redis("DEL", "led:{ledger}")
            code, said, _ = self.run_ctl("ledger", "verify")
            self.assertEqual(code, 1, said)
            self.assertIn("there are 2 entries", said.splitlines()[-1])
        finally:
            self.redis("DEL", "led:{ledger}", "ledseq:{ledger}")

    def test_the_entries_of_an_unknown_miner_are_refused(self):
        for command in ("balance", "statement"):
            with self.assertRaises(Refused) as caught:
                self.karizd.ctl(command, "nobody")
            self.assertIn('no miner "nobody"', str(caught.exception))

    def test_a_registered_miner_has_a_balance_and_a_statement_of_nothing(self):
        rows = self.karizd.ask("balance", "bob")["miners"]
        self.assertEqual([(m["miner"], m["total"]) for m in rows], [("bob", 0)])
        statement = self.karizd.ask("statement", "bob", "--from", "2026-01-01")
        self.assertEqual((statement["start"], statement["end"], statement["lines"]), (0, 0, []))
        self.assertIs(statement["sound"], True)
        self.assertIn("Statement of bob", self.karizd.ctl("statement", "bob"))
        table = self.karizd.ctl("statement", "bob", "--format", "csv")
        self.assertTrue(table.startswith("time,kind,term,reference,vout,"), table)
        self.assertEqual(len(table.splitlines()), 3)

    def test_a_date_or_a_format_that_is_none_is_refused(self):
        code, _, why = self.run_ctl("statement", "bob", "--from", "2026-02-30")
        self.assertEqual((code, "2026-02-30" in why), (1, True), why)
        code, _, why = self.run_ctl("statement", "bob", "--from", "2026-02-03",
                                    "--to", "2026-02-02")
        self.assertEqual((code, "behind" in why), (1, True), why)
        self.assertEqual(self.run_ctl("statement", "bob", "--format", "pdf")[0], 2)

    def test_a_block_that_is_not_ours_is_refused(self):
        for wanted in ("0" * 64, "12345678abcd", "77"):
            with self.assertRaises(Refused) as caught:
                self.karizd.ctl("block", "explain", wanted)
            self.assertIn("no block of the pool", str(caught.exception))
        with self.assertRaises(Refused) as caught:
            self.karizd.ctl("block", "explain", "abc")
        self.assertIn("needs a block's hash", str(caught.exception))

    def test_adopting_needs_a_yes_and_a_reason(self):
        with self.assertRaises(Refused) as caught:
            self.karizd.ctl("journal", "adopt")
        self.assertIn("--yes", str(caught.exception))
        with self.assertRaises(Refused) as caught:
            self.karizd.ctl("journal", "adopt", "--yes")
        self.assertIn("nothing to adopt", str(caught.exception))

    def test_many_who_ask_at_once_are_all_answered(self):
        asked = [subprocess.Popen(self.karizd.command("balance"), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment())
                 for _ in range(30)]
        for one in asked:
            said, why = one.communicate(timeout=60 * SCALE)
            self.assertTrue("after entry" in said or "too many" in why, said + why)


class Explain(Asked):
    """A found block's split: shown, computed again, and what was changed in it named."""

    def explained(self, *args):
        code, said, why = self.run_ctl("--json", "block", "explain", *args)
        self.assertIn(code, (0, 1), why)
        return code, json.loads(said)

    def test_a_split_is_shown_and_computed_again(self):
        self.ready_rig().mine("block")
        wait_until(lambda: self.karizd.ask("blocks"), 20, "the block's record")
        block = self.karizd.ask("blocks")[0]
        key = "blk:{ledger}:" + block["hash"]
        split = wait_until(lambda: self.explained(block["hash"])[1]["record"].get("split"),
                           20, "the split")
        for wanted in (block["hash"], block["hash"][:12], str(block["height"])):
            code, answer = self.explained(wanted)
            self.assertEqual((code, answer["record"]["hash"]), (0, block["hash"]))
            self.assertEqual(answer["recomputed"], "the same", answer["differences"])
        reward, fee = split["reward"], split["pool_fee"]
        self.assertEqual(fee, reward // 100)
        [part] = split["parts"]
        self.assertEqual([part[0]] + part[3:], ["alice", reward, fee, reward - fee])
        text = self.karizd.ctl("block", "explain", block["hash"])
        self.assertIn("recomputed: the same", text)
        self.assertIn("%d.%08d" % divmod(reward - fee, 10**8), text)
        # One satoshi moved from the pool to the miner.
        part[4:] = [fee - 1, reward - fee + 1]
        split["pool_fee"] -= 1
        self.redis("HSET", key, "split", json.dumps(split))
        code, answer = self.explained(block["hash"])
        self.assertEqual((code, answer["recomputed"]), (1, "differs"))
        self.assertIn(f"alice: fee is recorded as {fee - 1}, and comes to {fee}",
                      answer["differences"])
        # The slice is gone: what can be said from the recorded works is said.
        part[4:] = [fee, reward - fee]
        split["pool_fee"] = fee
        split["slices"] = [split["slices"][0] - 1]
        self.redis("HSET", key, "split", json.dumps(split))
        code, answer = self.explained(block["hash"])
        self.assertEqual(code, 0, answer["differences"])
        self.assertIn("not in Redis any more", answer["recomputed"])


class JournalVerified(Asked):
    """A fake node with mainnet's difficulty: shares are no blocks."""

    own_karizd = True
    settings = {
        "stratum": {
            "listen": [listener(difficulty=1e-6, minimum=1e-7, maximum=1e15)],
            "vardiff": {"minimum": 1e-7, "maximum": 1e15},
        },
    }

    @classmethod
    def make_nodes(cls):
        node = FakeNode().start()
        cls.addClassCleanup(node.stop)
        return [node]

    def journal(self):
        return os.path.join(self.karizd.settings["data_dir"], "journal")

    def test_shares_are_computed_again_and_a_flipped_byte_is_named(self):
        self.start_karizd()
        rig = self.ready_rig("alice.one", password="fd=0.000001")
        for _ in range(25):
            rig.mine("any")
        code, said, why = self.run_ctl("journal", "verify")  # while the daemon runs
        self.assertEqual(code, 0, said + why)
        self.assertRegex(said.splitlines()[-1],
                         r"journal verify: ok, \d+ shares of \d+ records in \d+ segments")
        wait_until(lambda: int(self.karizd.miner("alice").get("accepted", 0)) == 25, 15)
        self.karizd.stop()
        where = ("--dir", self.journal(), "--network", "regtest")
        code, said, why = self.run_ctl("journal", "verify", *where)
        self.assertEqual(code, 0, said + why)
        self.assertEqual(re.search(r"ok, (\d+) shares", said).group(1), "25")
        # Only those of the time that is asked for.
        code, said, _ = self.run_ctl("journal", "verify", *where, "--from", "2100-01-01")
        self.assertIn("ok, 0 shares", said.splitlines()[-1])
        path, offset = self.inside_a_share()
        with open(path, "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1]))
        code, said, _ = self.run_ctl("journal", "verify", *where)
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"DAMAGE +stream [12] segment \d+ at byte \d+")
        self.assertTrue(said.splitlines()[-1].startswith("journal verify: FAILED, "), said)

    def inside_a_share(self):
        """A synced segment of a share stream that has shares, and a byte of its records."""
        for path in sorted(glob.glob(os.path.join(self.journal(), "*"))):
            with open(path, "rb") as f:
                head = f.read(64)
            if len(head) < 64:
                continue
            stream, synced = struct.unpack("<I", head[24:28])[0], struct.unpack(
                "<I", head[40:44])[0] & ~7
            if stream >= 1 and synced > 1500:
                return path, synced - 60
        self.fail("no share stream was synced")

    def test_without_a_daemon_and_without_its_place_it_says_what_it_needs(self):
        self.start_karizd()
        self.karizd.stop()
        code, _, why = self.run_ctl("journal", "verify", "--network", "regtest")
        self.assertEqual((code, "--dir" in why), (1, True), why)
        code, _, why = self.run_ctl("journal", "verify", "--network", "moon", "--dir", "/x")
        self.assertEqual((code, "moon" in why), (1, True), why)
        code, _, why = self.run_ctl("journal", "verify", "--network", "main", "--dir",
                                    self.karizd.folder + "/none")
        self.assertEqual((code, "no journal" in why), (1, True), why)


class Blocks(Asked):
    """Blocks close slices, so there are borders to check."""

    def test_every_border_holds_the_work_of_its_shares(self):
        for _ in range(3):
            rig = self.ready_rig()
            rig.mine("share")
            found = bitcoin.display(rig.mine("block").hash)
            wait_until(lambda: self.node.tip() == found, 10, "the node has it")
            wait_until(lambda: self.karizd.status()["height"] == self.node.height + 1, 10)
        wait_until(lambda: len(self.karizd.ask("blocks")) >= 3, 20, "three blocks")

        def borders():
            answer = json.loads(self.run_ctl("--json", "journal", "verify")[1])
            return answer["slices"]["borders"] >= 3 and answer
        answer = wait_until(borders, 20, "three borders")
        self.assertEqual((answer["ok"], answer["slices"]["wrong"],
                          answer["slices"]["uncheckable"]), (True, 0, 0), answer)
        self.assertIn("hold the work of their shares", self.karizd.ctl("journal", "verify"))


class Status(Asked):
    def test_the_journal_and_redis_are_in_the_status(self):
        text = self.karizd.ctl("status")
        self.assertRegex(text, r"(?m)^journal +ready +unsynced .* to be applied .* on disk ")
        self.assertRegex(text, r"(?m)^redis +ready ")
        self.assertNotIn("ALARM", text)

    def test_watching_repeats_and_ends_by_itself_after_a_count(self):
        began = time.monotonic()
        text = self.karizd.ctl("status", "--watch", "1", "--count", "3")
        self.assertEqual(text.count("hash rate"), 3, text)
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertNotIn("\033", text)
        self.assertEqual(self.run_ctl("status", "--watch", "0")[0], 2)

    def test_watching_on_a_terminal_draws_in_place(self):
        ours, theirs = pty.openpty()
        watching = subprocess.Popen(self.karizd.command("status", "--watch", "1", "--count", "2"),
                                    stdout=theirs, stdin=theirs, env=environment())
        os.close(theirs)
        shown = b""
        try:
            while True:
                part = os.read(ours, 65536)
                if not part:
                    break
                shown += part
        except OSError:  # what Linux says when the other side is closed
            pass
        os.close(ours)
        self.assertEqual(watching.wait(20 * SCALE), 0)
        self.assertEqual(shown.count(b"\033[H\033[J"), 2, shown)
        self.assertEqual(shown.count(b"hash rate"), 2, shown)

    def test_watching_ends_with_an_interrupt(self):
        watching = subprocess.Popen(self.karizd.command("status", "--watch"),
                                    stdout=subprocess.PIPE, text=True, env=environment())
        self.assertIn("Kariz", watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=20 * SCALE)
        self.assertNotEqual(watching.returncode, None)


class Coins(Asked):
    """A booked block, and the node's word for its coin."""

    own_karizd = True

    @classmethod
    def make_nodes(cls):
        node = nodes.new_node().start()
        cls.addClassCleanup(node.remove)
        return [node]

    def booked_block(self):
        """The record of a block that the ledger has. A daemon without a thread that books
        blocks is helped: the entry is written as that thread would have."""
        self.ready_rig().mine("block")

        def found():
            blocks = self.karizd.ask("blocks")
            return blocks and blocks[0]["state"] == "accepted" and blocks[0]
        block = wait_until(found, 20, "an accepted block")
        key = "blk:{ledger}:" + block["hash"]
        outputs = json.loads(wait_until(lambda: self.redis("HGET", key, "outputs"), 20))
        if "accounting" in self.karizd.status():
            wait_until(lambda: self.redis("GET", "ledseq:{ledger}"), 30, "an entry")
            return key, outputs
        value = sum(o[0] for o in outputs)
        fee = value // 50
        entry = {"key": f"blk:{block['hash']}:accept", "kind": "block_accepted",
                 "postings": {"coins.immature": value, "fee.immature": -fee,
                              "immature:alice": fee - value},
                 "reference": block["hash"], "time_ms": 1767225600000}
        self.redis("XADD", "led:{ledger}", "1-0", "e", json.dumps(entry))
        self.redis("HSET", "acc:{ledger}", "coins.immature", str(value),
                   "fee.immature", str(-fee))
        self.redis("HSET", "bal:{ledger}:immature", "alice", str(value - fee))
        self.redis("SET", "ledseq:{ledger}", "1")
        return key, outputs

    def verify(self, *args):
        code, said, why = self.run_ctl("ledger", "verify", *args)
        self.assertIn(code, (0, 1), why)
        return code, said

    def test_coins_are_compared_with_the_node(self):
        self.start_karizd()
        key, outputs = self.booked_block()
        code, said = self.verify()
        self.assertEqual(code, 0, said)
        value = sum(o[0] for o in outputs)
        self.assertRegex(said, rf"coins +1 asked for: {value // 10**8}\.{value % 10**8:08d}, of "
                               "which payouts under way spend 0; 0 more were spent by payouts")
        coinbase = self.redis("HGET", key, "coinbase")
        with self.subTest("an output that the chain has otherwise"):
            changed = [[o[0] + (1 if o[0] else 0), o[1]] for o in outputs]
            self.redis("HSET", key, "outputs", json.dumps(changed))
            code, said = self.verify()
            self.assertEqual(code, 1, said)
            self.assertIn("the node has", said)
            self.redis("HSET", key, "outputs", json.dumps(outputs))
        with self.subTest("a coin that is not there any more"):
            self.redis("HSET", key, "coinbase", json.dumps("00" * 31 + "01"))
            code, said = self.verify()
            self.assertEqual(code, 1, said)
            self.assertIn("spent outside the ledger", said.splitlines()[-1])
            self.assertEqual(self.verify("--no-node")[0], 0)
            self.redis("HSET", key, "coinbase", coinbase)
        with self.subTest("the ledger's balances have moved"):
            self.redis("HINCRBY", "acc:{ledger}", "coins.immature", "-1")
            code, said = self.verify()
            self.assertIn("coins.immature is kept as", said.splitlines()[-1])
            self.redis("HINCRBY", "acc:{ledger}", "coins.immature", "1")
        self.assertEqual(self.verify()[0], 0)
        with self.subTest("the node is away"):
            self.node.stop()
            wait_until(lambda: self.karizd.ask("nodes")[0]["state"] != "healthy", 20)
            code, said = self.verify()
            self.assertEqual(code, 1, said)
            self.assertIn("the comparison was not made", said.splitlines()[-1])
            self.assertEqual(self.verify("--no-node")[0], 0)


class Stopping(Asked):
    own_karizd = True

    def test_who_waits_for_a_long_answer_at_a_stop_is_told(self):
        self.start_karizd()
        asked = [subprocess.Popen(self.karizd.command("ledger", "verify"), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=environment()) for _ in range(12)]
        wait_until(lambda: any(one.poll() is not None for one in asked), 20, "one is answered")
        self.karizd.stop()
        for one in asked:
            said, why = one.communicate(timeout=60 * SCALE)
            self.assertTrue("ledger verify: ok" in said or "stopping" in why
                            or "cannot reach" in why or "gave no answer" in why
                            or "cannot send" in why, said + why)
