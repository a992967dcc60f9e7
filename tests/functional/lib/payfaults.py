"""The crash driver of kariz-payout: killed or stopped at every named point while the rest of
the pool is harmed too, and every satoshi counted afterwards.

A round: miners earn, and one command of kariz-payout is ended at the n-th passing of a fault
point (conf/fault.h). By chance karizd, Redis or the node then dies, Redis loses what it had,
blocks come. Then the command is given again, without a fault, until it is content; blocks
confirm; and the books are compared with the chain, which is read here without the pool's help:

  - each payout has one transaction in the chain at most, each transaction one payout
  - what the chain pays a miner = what confirmed payouts and statements say
  - credited by blocks = paid + its part of fees + still owed, to the satoshi
  - all accounts sum to 0; nothing is reserved but by payouts that are open
  - the coins table is the node's view

`System` is one pool; `run()` goes through what `schedule()` or the seed chooses. See
tests/functional/payout_faults for the program, test_payout_faults.py for what CI runs.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter

from . import bitcoin
from . import node as nodes
from .faults import Broken, Connection, Daemon, is_answering, is_rewriting, read_ledger
from .karizd import Refused, environment, listener, merged
from .payer import Payer, make_key
from .rig import Closed, Rig
from .wait import SCALE, wait_until

MINERS = ("alice", "bob", "carol", "dave", "erin")
MATURITY = 100
CONFIRMATIONS = 2
CANCEL_CONFIRMATIONS = 6  # whatever the settings say
DONE, NOTHING, WAITS = 0, 3, 4  # exit statuses: it paid, nothing to pay, not now
KILLED = -signal.SIGKILL
SOURCES = ("conf", "share", "payout", "pool", "pool/pay")
ENDS = ("confirmed", "final", "abandoned", "cancelled")


def fault_points():
    """All names in the source, in its order."""
    found = []
    for folder in SOURCES:
        path = os.path.join(nodes.ROOT, folder)
        for name in sorted(os.listdir(path)):
            if name.endswith(".c"):
                with open(os.path.join(path, name)) as f:
                    found += re.findall(r'\bFAULT_POINT\("(\w+)"\)', f.read())
    return list(dict.fromkeys(found))


def is_stopped(process):
    try:
        with open(f"/proc/{process.pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


class Chain:
    """What the best chain has, read from the node's blocks alone."""

    def __init__(self, node, scripts):
        self.node, self.scripts = node, scripts  # script: miner
        self.known = {}  # block: (the one before it, its transactions but the coinbase)

    def look(self):
        """({txid: Counter of satoshis by miner}, {outpoint: txid that spends it})"""
        pays, spends = {}, {}
        at = self.node.tip()
        while not int(at, 16) == 0:
            if at not in self.known:
                block = self.node.block(at)
                self.known[at] = (bitcoin.display(block.prev), block.txs[1:])
            at, txs = self.known[at]
            for tx in txs:
                txid = bitcoin.display(tx.txid())
                for prev, vout, *_ in tx.inputs:
                    spends[f"{bitcoin.display(prev)}:{vout}"] = txid
                got = Counter()
                for sat, script in tx.outputs:
                    if script in self.scripts:
                        got[self.scripts[script]] += sat
                if got:
                    pays[txid] = got
        return pays, spends


class System:
    """A node, a karizd with its own Redis, a kariz-payout; miners that earn."""

    def __init__(self, seed, say=lambda text: None):
        self.seed, self.say = seed, say
        # Every second system pays by several transactions a run.
        self.outputs = 3 if seed % 2 == 0 else 2000
        self.random = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="kariz-payfaults-")
        self.node = self.karizd = self.rival = None
        self.rigs = {}
        self.number = 0
        self.done = Counter()  # rounds that passed, by what was done
        self.reached = Counter()  # fault points at which kariz-payout ended or stopped
        self.snapshots = []
        self.scripts = {bitcoin.segwit_script(bitcoin.demo_program(m)): m for m in MINERS}
        try:
            self.set_up()
        except BaseException:
            self.close()
            raise

    # --- life ---

    def set_up(self):
        self.node = nodes.new_node().start()
        self.chain = Chain(self.node, self.scripts)
        self.port = nodes.free_port()
        self.key, addresses = make_key(self.folder)
        self.karizd = Daemon(
            [self.node], instance="test", flush_ms=50, journal={"segment_mb": 1, "sync_ms": 50},
            stratum={"listen": [listener(address=f"127.0.0.1:{self.port}")], "threads": 2},
            coinbase={"address": addresses["receive"][0]}, log={"level": "info"},
            payout={"fee_percent": 1, "window": 1000, "minimum": 1000,
                    "outputs": self.outputs,
                    "wallet": {"key_file": self.key}, "confirmations": CONFIRMATIONS,
                    "lease_seconds": 2, "takeover_seconds": 1})
        self.data_dir = self.karizd.settings["data_dir"]
        self.redis_socket = os.path.join(self.data_dir, "redis/redis.sock")
        self.aof_dir = os.path.join(self.data_dir, "redis/appendonlydir")
        self.payer_config = os.path.join(self.folder, "payer.json")
        self.karizd.start()
        for miner in MINERS:
            self.karizd.register(miner)
        self.set_fees("pool")
        self.payer = Payer(self.folder, self.payer_config)
        for miner in MINERS:
            self.shares(miner, 2)
        self.mine(MATURITY + 1)

    def set_fees(self, paid_by, rate=5000):
        settings = merged(self.karizd.settings,
                          {"payout": {"fee": {"paid_by": paid_by, "fallback": rate}}})
        with open(self.payer_config, "w") as f:
            json.dump(settings, f)

    def close(self):
        try:
            self.hang_up()
            if self.karizd:
                self.karizd.close()
        finally:
            for node in (self.node, self.rival):
                if node:
                    node.remove()
            if not os.environ.get("KARIZ_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    # --- earning ---

    def hang_up(self):
        for rig in self.rigs.values():
            rig.close()
        self.rigs = {}

    def rig(self, miner):
        """A connection that is kept; a new one where karizd has been away."""
        rig = self.rigs.get(miner)
        try:
            if rig:
                rig.settle()
                return rig
        except (Closed, OSError):
            rig.close()
        rig = self.rigs[miner] = Rig(("127.0.0.1", self.port)).ready(miner + ".rig")
        return rig

    def shares(self, miner, count):
        for _ in range(count):
            self.submit(miner, "share")

    def submit(self, miner, kind):
        """A job may end under a share's feet: then it is one of the next job."""
        for _ in range(20):
            rig = self.rig(miner)
            share = rig.find(kind=kind)
            reply = rig.submit(share)
            if reply["result"] is True:
                return bitcoin.display(share.hash)
            if reply["error"][0] != 21:
                raise AssertionError(f"a share was refused: {reply}")
            rig.wait_note("mining.notify")
        raise AssertionError("each share was late")

    def mine(self, count):
        """Blocks of the pool, each on the one before it."""
        for _ in range(count):
            tip = self.node.tip()
            wait_until(lambda t=tip: self.rig(MINERS[0]).job.prev_display() == t, 90,
                       "a job on the node's tip")
            found = self.submit(MINERS[0], "block")
            wait_until(lambda f=found: self.node.tip() == f, 20, "the node has the block")
        self.wait_booked()

    def wait_booked(self):
        """The ledger has what the chain has: blocks, and those that are mature."""
        def is_booked():
            try:
                height = self.node.height
                with Connection(self.redis_socket) as c:
                    for name in c.call("SMEMBERS", "blkopen:{ledger}"):
                        block = c.hash(b"blk:{ledger}:" + name)
                        at = json.loads(block[b"height"])
                        due = b'"mature"' if at + MATURITY - 1 <= height else b'"accepted"'
                        if block.get(b"state") != due and not self.is_beaten(name.decode(), at):
                            return False
                return self.karizd.status()["accounting"]["alarm"] == ""
            except (OSError, KeyError):
                return False
        wait_until(is_booked, 60, "blocks are booked", every=0.05)

    def is_beaten(self, block, height):
        try:
            return self.node.rpc("getblockhash", height) != block
        except nodes.RpcError:
            return True

    # --- what Redis has ---

    def payouts(self):
        """{id: {member: text}}"""
        with Connection(self.redis_socket) as c:
            return {name.decode(): {k.decode(): v.decode() for k, v in
                                    c.hash(b"po:{ledger}:" + name).items()}
                    for name in c.hash("pos:{ledger}")}

    def open_payouts(self, *states):
        return [i for i, o in sorted(self.payouts().items())
                if (o["state"] in states if states else o["state"] not in ENDS)]

    # --- kariz-payout, with and without a fault ---

    def command(self, *words):
        """Without a fault: (exit status, what it said)."""
        self.payer.extra = {}
        status, out, err = self.payer.try_run(*words)
        return status, (out + err).strip()

    def must(self, words, *statuses):
        status, said = self.command(*words)
        if status not in (statuses or (DONE,)):
            raise AssertionError(f"kariz-payout {' '.join(words)}: {status} {said}")
        return status

    def harmed(self, words, fault, meanwhile):
        """Gives a command with a fault; True: its point was reached."""
        point, n, how = fault
        self.payer.extra = {"KARIZ_FAULT": f"{point}:{n}" + (":stop" if how == "stop" else "")}
        process = self.payer.start(*words)
        was_stopped = False
        if how == "stop":
            wait_until(lambda: is_stopped(process) or process.poll() is not None, 120,
                       "kariz-payout stops or ends", every=0.01)
            was_stopped = is_stopped(process)
            if was_stopped:
                meanwhile()
                process.send_signal(signal.SIGCONT)
        status, out, err = self.payer.finish(process, 180)
        self.said = (out + err).strip()
        if status not in (KILLED, 0, 1, 3, 4) or (how == "stop" and status == KILLED):
            raise AssertionError(f"kariz-payout ended with {status}: {self.said}")
        if how != "stop" and status != KILLED and "cannot" in self.said:
            raise AssertionError(f"nothing was harmed, yet {words}: {self.said}")
        if status != KILLED and not was_stopped:
            return False
        self.reached[point] += 1
        return True

    def must_soon(self, words):
        wait_until(lambda: self.command(*words)[0] == DONE, 60, " ".join(words), every=0.2)

    def run_until_content(self):
        """A run with nothing in its way: it pays, or has nothing to pay."""
        said = []

        def is_content():
            status, text = self.command("run")
            said.append(f"{status} {text}")
            return status in (DONE, NOTHING)

        try:
            wait_until(is_content, 40, every=0.5)
        except AssertionError:
            raise AssertionError("no run came to an end: " + " | ".join(said[-3:])) from None

    def finish(self):
        """Blocks until no payout is open."""
        for _ in range(8):
            self.mine(CONFIRMATIONS)
            self.must(("follow",))
            left = self.open_payouts()
            if not left:
                return
            for i in self.open_payouts("exported"):
                self.must(("cancel", i))
        raise AssertionError("payouts stay open: " + json.dumps(
            {i: (o["state"], o.get("note")) for i, o in self.payouts().items() if i in left}))

    def bury(self):
        """What was sent is deep enough: the job at hand may be older than it."""
        self.mine(CONFIRMATIONS + 1)

    # --- commands to be harmed: what comes before, and the words ---

    def first_open(self):
        self.must(("run",))
        ids = self.open_payouts("broadcast", "signed")
        if not ids:
            raise AssertionError("nothing was sent")
        return ids[0]

    def op_run(self):
        return ("run",)

    def op_follow(self):
        self.must(("run",))
        self.bury()
        return ("follow",)

    def op_bump(self):
        return ("bump", self.first_open())

    def op_cancel(self):
        return ("cancel", self.first_open())

    def op_cancelled(self):
        """The step that books a cancellation."""
        self.must(("cancel", self.first_open()))
        self.mine(CANCEL_CONFIRMATIONS + 1)
        return ("follow",)

    def op_abandon(self):
        """One that died with its reserve written and nothing signed."""
        self.harmed(("run",), ("settled", 1, "kill"), None)
        ids = self.open_payouts("reserved")
        if not ids:
            raise AssertionError("nothing is reserved")
        return ("cancel", ids[0])

    def op_export(self):
        folder = os.path.join(self.folder, "psbt")
        os.makedirs(folder, exist_ok=True)
        return ("export", folder)

    def op_cancel_export(self):
        self.must(self.op_export())
        return ("cancel", self.open_payouts("exported")[0])

    def op_unconfirm(self):
        """A reorganisation takes the block in which a payout was booked as confirmed."""
        self.first_open()
        self.bury()
        self.must(("follow",))
        self.replace_blocks(CONFIRMATIONS)
        return ("follow",)

    def op_adopt(self):
        """Another machine reserved and is lost; its lease runs out, and the gate is passed."""
        other = self.other_machine()
        other.extra = {"KARIZ_FAULT": "settled:1"}
        status, out, err = other.try_run("run")
        if status != KILLED:
            raise AssertionError(f"the other machine did not die: {status} {out + err}")
        ids = self.open_payouts("reserved")
        self.must_soon(("follow",))
        self.must(("run",), WAITS)  # the first of two proofs, a block apart
        self.mine(1)
        self.must(("run",), DONE, NOTHING)
        return ("adopt", ids[0])

    def other_machine(self):
        """A kariz-payout with a journal and an instance of its own."""
        folder = tempfile.mkdtemp(dir=self.folder, prefix="other-")
        with open(self.payer_config) as f:
            settings = json.load(f)
        settings.update(data_dir=folder, instance="other-" + str(self.number),
                        redis="unix://" + self.redis_socket)
        config = os.path.join(folder, "payer.json")
        with open(config, "w") as f:
            json.dump(settings, f)
        return Payer(folder, config)

    def replace_blocks(self, count):
        """Another's longer chain in place of the latest blocks."""
        if not self.rival:
            self.rival = nodes.new_node().start()
        fork = self.node.height - count
        for height in range(self.rival.height + 1, fork + 1):
            self.give(self.rival, self.node, height)
        self.rival.generate(count + 1)
        for height in range(fork + 1, self.rival.height + 1):
            self.give(self.node, self.rival, height)
        wait_until(lambda: self.node.tip() == self.rival.tip(), 20, "the node has reorganised")
        self.wait_height()
        self.wait_booked()

    @staticmethod
    def give(to, of, height):
        to.rpc("submitblock", of.rpc("getblock", of.rpc("getblockhash", height), 0))

    def wait_height(self):
        wait_until(lambda: self.karizd.status().get("height", 0) == self.node.height + 1, 90,
                   "jobs on the node's tip")

    # --- what else happens ---

    def harm_nothing(self):
        pass

    def harm_block(self):
        self.mine(1)

    def harm_foreign_block(self):
        self.node.generate(1)
        self.wait_height()
        self.wait_booked()

    def harm_karizd(self):
        self.kill_karizd()
        self.karizd.start()
        self.wait_ready()

    def harm_redis(self):
        restarts = self.karizd.status()["redis"]["restarts"]
        os.kill(self.karizd.redis_pid(), signal.SIGKILL)
        wait_until(lambda: self.karizd.status()["redis"]["restarts"] > restarts, 30,
                   "the embedded server was started again")
        self.wait_ready()

    def harm_roll_back(self):
        self.put_back(self.random.choice(self.snapshots) if self.snapshots else None)

    def harm_lose(self):
        self.put_back(None)

    def harm_node(self):
        """Its mempool is lost with it."""
        self.node.kill()
        self.node.start()
        self.mine(1)

    HARMS = ("nothing", "nothing", "block", "foreign_block", "karizd", "redis", "roll_back",
             "lose", "node")

    def kill_karizd(self):
        self.hang_up()
        self.karizd.kill()
        # Its server ends with it, but takes a moment for its last sync.
        wait_until(lambda: not is_answering(self.redis_socket), 20, "the server ended")

    def put_back(self, copy):
        self.kill_karizd()
        shutil.rmtree(self.aof_dir, ignore_errors=True)
        if copy:
            shutil.copytree(copy, self.aof_dir)
        self.karizd.start()
        self.wait_ready()

    def take_snapshot(self):
        wait_until(lambda: not is_rewriting(self.redis_socket), 30, "no rewrite is under way")
        copy = os.path.join(tempfile.mkdtemp(dir=self.folder, prefix="snapshot-"), "data")
        shutil.copytree(self.aof_dir, copy)
        self.snapshots.append(copy)
        while len(self.snapshots) > 3:
            shutil.rmtree(os.path.dirname(self.snapshots.pop(0)))

    def wait_ready(self):
        def is_ready():
            try:
                status = self.karizd.status()
            except OSError:
                return False
            return (status["redis"]["state"] == "ready"
                    and status["redis"]["replay"]["pending_records"] == 0)
        wait_until(is_ready, 60, "the store is ready again")

    # --- a round ---

    def run_round(self, op, fault, harms=("nothing",), paid_by="pool"):
        """True: the fault's point was reached."""
        self.number += 1
        self.said = ""
        began = time.monotonic()
        what = f"{op} {':'.join(map(str, fault))} {'+'.join(harms)} {paid_by}"
        try:
            was_reached = self.do_round(op, fault, harms, paid_by)
        except (AssertionError, OSError, Refused, nodes.RpcError) as e:
            raise Broken(f"seed {self.seed}, round {self.number} ({what}): "
                         f"{type(e).__name__}: {e}\n--- kariz-payout had said\n{self.said}"
                         f"\n--- the end of karizd's log\n{self.karizd.tail(15)}") from e
        self.done[op] += 1
        self.say("%4d  %-60s %5.1f s%s" % (self.number, what, time.monotonic() - began,
                                           "" if was_reached else "  (not reached)"))
        return was_reached

    def do_round(self, op, fault, harms, paid_by):
        self.set_fees(paid_by, self.random.choice((1000, 5000, 12345)))
        for miner in self.random.sample(MINERS, self.random.randint(1, len(MINERS))):
            self.shares(miner, self.random.randint(1, 3))
        self.mine(self.random.randint(1, 3))
        words = getattr(self, "op_" + op)()

        def harm():
            for name in harms:
                getattr(self, "harm_" + name)()

        was_reached = self.harmed(words, fault, harm)
        if fault[2] != "stop":
            harm()
        self.run_until_content()
        self.check(is_over=False)
        self.finish()
        self.check(is_over=True)
        if self.random.random() < 0.3:
            self.take_snapshot()
        return was_reached

    # --- every satoshi ---

    def check(self, is_over):
        payouts = self.payouts()
        entries, balances = read_ledger(self.redis_socket)
        if sum(balances.values()) != 0:
            raise AssertionError(f"the accounts sum to {sum(balances.values())}")
        booked = self.check_entries(entries, balances)
        self.check_chain(payouts, booked, is_over)
        self.check_miners(entries, balances, booked)
        self.check_reserved(payouts, balances, is_over)
        if is_over:
            self.check_coins(balances)
            self.check_statement(booked)
            self.check_verify()

    def check_entries(self, entries, balances):
        """{payout: (txid, {miner: (debit, paid)})} of those booked as confirmed now."""
        keys, sums, booked = Counter(), Counter(), {}
        for e in entries:
            keys[e["key"]] += 1
            sums.update(e["postings"])
            if sum(e["postings"].values()) != 0 or keys[e["key"]] != 1:
                raise AssertionError(f"an entry is wrong: {e}")
            words = e["key"].split(":")
            if words[0] != "po" or words[2] not in ("confirm", "unconfirm"):
                continue
            if words[2] == "unconfirm":
                del booked[words[1]]
                continue
            if words[1] in booked:
                raise AssertionError(f"booked as paid twice: {e}")
            paid = {m: sat for m, _, sat in e["outputs"]}
            booked[words[1]] = (e["reference"], {
                m: (e["postings"][f"reserved:{words[1]}:{m}"], paid[m]) for m in paid})
        for account in set(sums) | set(balances):
            if sums[account] != balances[account]:
                raise AssertionError(f"{account} is {balances[account]}, entries say "
                                     f"{sums[account]}")
        return booked

    def check_chain(self, payouts, booked, is_over):
        """Each payout at most once in the chain; when all is over, what is there is booked."""
        pays, spends = self.chain.look()
        owner = {}
        for name, record in payouts.items():
            for member, text in record.items():
                if re.fullmatch(r"v\d+", member):
                    owner[json.loads(text)["txid"]] = name
        strangers = set(pays) - set(owner)
        if strangers:
            raise AssertionError(f"miners were paid by no payout: {strangers}")
        times = Counter(owner[txid] for txid in pays)
        if any(n > 1 for n in times.values()):
            raise AssertionError(f"paid more than once: {times}")
        for name, (txid, rows) in booked.items():
            if pays.get(txid) != Counter({m: paid for m, (_, paid) in rows.items()}):
                raise AssertionError(f"{name} is booked with {rows}; the chain has "
                                     f"{pays.get(txid)} in {txid}")
        if is_over and {txid for txid, _ in booked.values()} != set(pays):
            raise AssertionError(f"in the chain and not booked: "
                                 f"{set(pays) - {t for t, _ in booked.values()}}")
        for name, record in payouts.items():
            anchor = json.loads(record["plan"])["coins"][0][0]
            if anchor in spends and is_over and record["state"] in ("confirmed", "final") \
                    and owner.get(spends[anchor]) != name:
                raise AssertionError(f"the anchor of {name} was spent by another")

    def check_miners(self, entries, balances, booked):
        """Credited by blocks is what was paid, with its part of fees, and what is owed."""
        credited, settled = Counter(), Counter()
        for e in entries:
            if e["key"].startswith("blk:"):
                for account, sat in e["postings"].items():
                    if account.startswith("mature:"):
                        credited[account[7:]] -= sat
        for _, rows in booked.values():
            for miner, (debit, paid) in rows.items():
                settled[miner] += debit
                if not 0 < paid <= debit or debit - paid > debit // 20:
                    raise AssertionError(f"{miner} got {paid} of {debit}")
        for miner in MINERS:
            owed = -sum(sat for account, sat in balances.items()
                        if account == "mature:" + miner
                        or account.startswith("reserved:") and account.endswith(":" + miner))
            if credited[miner] != settled[miner] + owed or owed < 0:
                raise AssertionError(f"{miner}: credited {credited[miner]}, settled "
                                     f"{settled[miner]}, owed {owed}")

    def check_reserved(self, payouts, balances, is_over):
        for account, sat in balances.items():
            if account.startswith("reserved:") and sat:
                state = payouts.get(account.split(":")[1], {}).get("state")
                if sat > 0 or state in ENDS or state is None or is_over:
                    raise AssertionError(f"{account} is {sat}; its payout is {state}")
        for name, record in payouts.items():
            if is_over and record["state"] not in ENDS:
                raise AssertionError(f"{name} is {record['state']}")

    def check_coins(self, balances):
        """The table, coin by coin, against the node; together they are the account."""
        total = 0
        with Connection(self.redis_socket) as c:
            for place, text in c.hash("coin:{ledger}").items():
                uses = set(c.hash(b"use:{ledger}:" + place).values()) - {b"freed"}
                txid, vout = place.decode().split(":")
                there = self.node.rpc("gettxout", txid, int(vout), True)
                row = json.loads(text)
                if (there is None) != bool(uses):
                    raise AssertionError(f"coin {place}: {uses}, the node says {there}")
                if there and round(there["value"] * 10**8) != row["sat"]:
                    raise AssertionError(f"coin {place}: {row}, the node says {there}")
                total += 0 if uses else row["sat"]
            known = c.hash("coinblk:{ledger}")
            for name in c.call("ZRANGE", "blks:{ledger}", "0", "-1"):
                block = c.hash(b"blk:{ledger}:" + name)
                if name not in known and block.get(b"state") == b'"mature"':
                    total += json.loads(block[b"value_sat"])
        if total != balances["coins.mature"]:
            raise AssertionError(f"{total} in coins, coins.mature is {balances['coins.mature']}")

    def check_statement(self, booked):
        miner = self.random.choice(MINERS)
        said = self.karizd.ask("statement", miner)
        settled = sum(rows[miner][0] for _, rows in booked.values() if miner in rows)
        if not said["sound"] or said["paid"] != settled:
            raise AssertionError(f"{miner}'s statement: {said['paid']} paid, sound "
                                 f"{said['sound']}; settled were {settled}")
        named = Counter()
        for line in said["lines"]:
            if line["kind"] == "payout_confirmed":
                named[line["reference"]] += line["output"]
            elif line["kind"] == "payout_unconfirmed":
                named[line["reference"]] -= line["output"]
        want = {txid: rows[miner][1] for txid, rows in booked.values() if miner in rows}
        if {t: n for t, n in named.items() if n} != want:
            raise AssertionError(f"{miner}'s statement names {named}, paid were {want}")

    def check_verify(self):
        """More than once: a karizd that has just been started knows no node yet."""
        said = ""

        def is_ok():
            nonlocal said
            done = subprocess.run(self.karizd.command("ledger", "verify"), text=True,
                                  capture_output=True, timeout=120 * SCALE, check=False,
                                  env=environment(), stdin=subprocess.DEVNULL)
            said = (done.stdout + done.stderr)[-2000:]
            return done.returncode == 0 and "ledger verify: ok" in done.stdout

        try:
            wait_until(is_ok, 20, every=0.5)
        except AssertionError:
            raise AssertionError(said) from None


# --- what to do --------------------------------------------------------------------------

OPS = ("run", "follow", "bump", "cancel", "cancelled", "abandon", "export", "cancel_export",
       "unconfirm")


# What points of a command may be called; new names are tried with `run`.
PASSES = {
    "follow": ("event_", "step_"), "cancelled": ("event_", "step_"),
    "abandon": ("event_", "step_"), "unconfirm": ("event_", "step_", "sen"),
    "bump": ("event_", "step_", "sign", "sen"), "cancel": ("event_", "step_", "sign", "sen"),
    "cancel_export": ("event_", "step_", "sign", "sen"),
    "export": ("event_", "step_", "reserve", "decide", "planned", "exported"),
    "run": ("",),
}


class Reach:
    """How often a command passes a point, as far as rounds have shown."""

    def __init__(self):
        self.most = {}  # (command, point): not reached above it

    def choose(self, rng, op, points):
        """(point, passing), one that was not seen to be out of reach."""
        points = [p for p in points if p.startswith(PASSES[op])] or points
        most = {p: self.most.get((op, p), 8 if p.startswith("event_") else 2) for p in points}
        point = rng.choice([p for p in points if most[p] > 0] or points)
        return point, rng.randint(1, max(most[point], 1))

    def learn(self, op, point, n, was_reached):
        if not was_reached:
            self.most[op, point] = min(self.most.get((op, point), n), n - 1)


def random_round(system, points, reach, ops=OPS):
    """The round that the system's generator chooses."""
    r = system.random
    op = "run" if "run" in ops and r.random() < 0.35 else r.choice(ops)
    point, n = reach.choose(r, op, points)
    harms = [r.choice(System.HARMS) for _ in range(r.choice((1, 1, 2)))]
    was_reached = system.run_round(op, (point, n, r.choice(("kill", "kill", "stop"))), harms,
                                   r.choice(("pool", "payees")))
    reach.learn(op, point, n, was_reached)
    return was_reached


# What else than kariz-payout dies, and the command that passes a point where not each run does.
VICTIMS = ("karizd", "redis", "node")
MATRIX_OPS = {"exported": "export", "adopted": "adopt"}


def matrix(points):
    """Each point with each victim, while kariz-payout stands there and when it dies with it."""
    return [(point, victim, how) for point in points for victim in VICTIMS
            for how in ("stop", "kill")]


def matrix_round(system, point, victim, how):
    """The round must reach its point."""
    op = MATRIX_OPS.get(point, "run")
    if not system.run_round(op, (point, 1, how), (victim,), system.random.choice(("pool", "payees"))):
        raise Broken(f"{op} does not pass {point}: {system.said}")


def every_passing(system, op, point, most=60):
    """Kills at the first, second, ... passing of the point until it is not reached."""
    n = 1
    while n <= most and system.run_round(op, (point, n, "kill")):
        n += 1
