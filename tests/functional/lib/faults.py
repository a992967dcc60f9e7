"""The fault driver: a real pool under load, harmed again and again, and every sum compared.

A round of it: rigs mine, something is killed, frozen, rolled back, filled up or damaged,
all is brought up again, the rigs stop, the store drains. Then the work of each miner in
Redis is the work of the shares that clients saw accepted: not less, and more only by
shares whose connection ended before their reply came. `karizctl journal verify` and
`karizctl ledger verify` have to agree.

`System` is one pool with its node and Redis; its fault_*() methods are what can happen to
it; `run()` goes through a plan that the seed fixes. See tests/functional/faults for the
program, test_faults.py for what CI runs.
"""

import datetime
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter

from . import bitcoin, journal, processes
from . import node as nodes
from .case import need
from .clients import BenchLoad, Load
from .karizd import EASY, Karizd, Refused, environment, listener, program
from .rig import Rig
from .wait import SCALE, wait_until

MINERS = ("alice", "bob", "carol")
BENCH = "bench"
INSTANCE = "faults"
UNIT_WORK = bitcoin.work_of_difficulty(EASY, 1)  # of each share of these tests
SNAPSHOTS = 4  # copies of Redis' files kept to roll back to
MINUTES_KEPT = 3600  # rows of minutes go after three hours; two of them may be a stepped clock's
STABLE_SECONDS = 0.2  # some ticks of the store's thread


# --- Redis from outside ------------------------------------------------------------------


class Connection:
    """Commands to a Unix socket's path or to (host, port). OSError while Redis is away or
    says an error."""

    def __init__(self, address):
        is_tcp = isinstance(address, tuple)
        self.socket = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
        self.socket.settimeout(10 * SCALE)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def call(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self.socket.sendall(b"".join(parts))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("Redis hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise OSError(rest.decode())
        if kind in (b"+", b":"):
            return rest
        if int(rest) < 0:
            return None
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        data = self.file.read(int(rest) + 2)
        if len(data) != int(rest) + 2:
            raise OSError("Redis hung up")
        return data[:-2]

    def hash(self, key):
        flat = self.call("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))


def is_answering(path):
    try:
        with Connection(path) as c:
            return c.call("PING") == b"PONG"
    except OSError:
        return False


def is_rewriting(path):
    with Connection(path) as c:
        info = c.call("INFO", "persistence")
    return b"aof_rewrite_in_progress:1" in info or b"aof_rewrite_scheduled:1" in info


ROW_BYTES = 18  # work (8), accepted (5), refused (5): share/keys.h


def credited(path, instance):
    """{name: {miner: work}}: each kind of row in Redis, added up. All have to say the same,
    as long as none is old enough to have been dropped."""
    out = {}
    with Connection(path) as c:
        for kind in "mhd":
            sums = out["tally " + kind] = Counter()
            for key in c.call("KEYS", "tally:{%s}:%s:*" % (instance, kind)):
                miner = key.decode().split(":")[3]
                for field, value in c.hash(key).items():
                    if kind == "m":
                        sums[miner] += int(value)
                    elif len(value) == ROW_BYTES and field.isdigit():
                        sums[miner] += int.from_bytes(value[:8], "little")
    return out


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def slice_rows(data):
    """[(miner, work)] of a closed slice, as share/slice.h has it."""
    at = 1 + 3 * 8 + 1 + 4 + 32 + 2 * 18
    count, at = varint(data, at)
    for _ in range(2 * count):
        _, at = varint(data, at)
    rows = []
    count, at = varint(data, at)
    for _ in range(count):
        miner = data[at + 1:at + 1 + data[at]].decode()
        work, at = varint(data, at + 1 + data[at])
        rows.append((miner, work))
    if at != len(data) - 4:
        raise AssertionError(f"a slice's record has {len(data) - 4 - at} bytes too many")
    return rows


def in_closed_slices(path, instance):
    """{miner: work}"""
    sums = Counter()
    with Connection(path) as c:
        for name in c.call("ZRANGE", "slices:{%s}" % instance, "0", "-1"):
            data = c.call("GET", b"slicez:{%s}:%s" % (instance.encode(), name))
            for miner, work in slice_rows(data):
                sums[miner] += work
    return sums


def read_ledger(path):
    """(entries, balances by account as the entries name them)"""
    balances = Counter()
    with Connection(path) as c:
        rows = c.call("XRANGE", "led:{ledger}", "-", "+")
        for name in ("immature", "mature", "held"):
            for miner, sat in c.hash("bal:{ledger}:" + name).items():
                balances[name + ":" + miner.decode()] = -int(sat)
        for account, sat in c.hash("acc:{ledger}").items():
            balances[account.decode()] = int(sat)
    return [json.loads(row[1][1]) for row in rows], balances


class Redis:
    """A redis-server of the test's own, as an operator would run one."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "sock")
        self.data = os.path.join(folder, "data")
        os.makedirs(self.data)
        self.process = None

    def start(self):
        with open(os.path.join(self.folder, "redis.conf"), "w") as f:
            f.write(f"port 0\nunixsocket {self.path}\ndir {self.data}\nsave \"\"\n"
                    "appendonly yes\nappendfsync everysec\nloglevel warning\n"
                    f"logfile {self.folder}/log\n")
        self.process = processes.start(
            ["redis-server", os.path.join(self.folder, "redis.conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_answering(self.path), 30, "redis-server answers")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class SentinelSet:
    """A master, a replica and three sentinels; `master` is the index of the one that is."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = [nodes.free_port() for _ in range(5)]
        self.processes = [None] * 5
        self.master = 0

    @property
    def path(self):
        return "127.0.0.1", self.ports[self.master]

    @property
    def process(self):
        return self.processes[self.master]

    def settings(self):
        return {"sentinels": ["127.0.0.1:%d" % port for port in self.ports[2:]]}

    def start(self):
        for i in range(5):
            os.makedirs(os.path.join(self.folder, str(i)))
        for i in range(2):
            self.start_server(i)
        for i in range(2, 5):
            self.write(i, f"sentinel monitor kariz 127.0.0.1 {self.ports[0]} 2\n"
                          "sentinel down-after-milliseconds kariz 300\n"
                          "sentinel failover-timeout kariz 1000\n")
            self.spawn(i, "--sentinel")
        wait_until(self.is_complete, 30, "the sentinels know each other and the replica")

    def write(self, i, text):
        folder = os.path.join(self.folder, str(i))
        with open(os.path.join(folder, "redis.conf"), "w") as f:
            f.write(f"port {self.ports[i]}\nbind 127.0.0.1\ndir {folder}\n"
                    f"logfile {folder}/log\n" + text)

    def spawn(self, i, *more):
        self.processes[i] = processes.start(
            ["redis-server", os.path.join(self.folder, str(i), "redis.conf"), *more],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_answering(("127.0.0.1", self.ports[i])), 30, "it answers")

    def start_server(self, i):
        """As a replica, unless it is the master."""
        of = "" if i == self.master else f"replicaof 127.0.0.1 {self.ports[self.master]}\n"
        self.write(i, 'save ""\nappendonly yes\nrepl-diskless-sync-delay 0\n' + of)
        self.spawn(i)

    def sentinel_hash(self, i):
        with Connection(("127.0.0.1", self.ports[i])) as c:
            flat = c.call("SENTINEL", "MASTER", "kariz")
        return dict(zip(flat[::2], flat[1::2]))

    def is_complete(self):
        told = [self.sentinel_hash(i) for i in range(2, 5)]
        return all(t[b"num-other-sentinels"] == b"2" and t[b"num-slaves"] == b"1" for t in told)

    def is_in_step(self):
        """The replica has its master's data, and the sentinels know it as usable."""
        with Connection(("127.0.0.1", self.ports[1 - self.master])) as c:
            if b"master_link_status:up" not in c.call("INFO", "replication"):
                return False
        for i in range(2, 5):
            with Connection(("127.0.0.1", self.ports[i])) as c:
                for flat in c.call("SENTINEL", "REPLICAS", "kariz"):
                    told = dict(zip(flat[::2], flat[1::2]))
                    if told[b"flags"] != b"slave" or told[b"master-link-status"] != b"ok":
                        return False
        return self.is_complete()

    def cut_replica_off(self):
        """It cannot reach its master any more: what comes now it will never have."""
        with Connection(("127.0.0.1", self.ports[1 - self.master])) as c:
            c.call("CONFIG", "SET", "masteruser", "nobody")
            c.call("CONFIG", "SET", "masterauth", "wrong")
            c.call("CLIENT", "KILL", "TYPE", "master")

    def wait_moved(self):
        port = b"%d" % self.ports[1 - self.master]

        def has_moved():
            for i in range(2, 5):
                with Connection(("127.0.0.1", self.ports[i])) as c:
                    if c.call("SENTINEL", "get-master-addr-by-name", "kariz")[1] != port:
                        return False
            return True

        wait_until(has_moved, 60, "the sentinels name the other", every=0.1)
        self.master = 1 - self.master

    def kill(self):
        for process in self.processes:
            if process:
                process.kill()
                process.wait()


# --- karizd ------------------------------------------------------------------------------


class Daemon(Karizd):
    """Asked over its socket without a program in between: thousands of times a run."""

    def status(self, seconds=40):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds * SCALE)
            s.connect(self.settings["control"]["socket"])
            s.sendall(b'{"command":"status"}\n')
            data = b""
            while not data.endswith(b"\n"):
                more = s.recv(1 << 20)
                if not more:
                    raise OSError("no answer from karizd")
                data += more
        answer = json.loads(data)
        if not answer.get("ok"):
            raise OSError(answer.get("error"))
        return answer["result"]

    def check_reports(self):
        super().check_reports()
        del self.lines[:-400]  # else each kill looks through all that was ever said

    def refuses_to_start(self, seconds=30):
        """Starts it on a damaged journal: "ended", or what its alarm says."""
        self.spawn()

        def outcome():
            if self.process.poll() is not None:
                return "ended"
            try:
                status = self.status()
            except OSError:
                return None
            return status["journal"]["alarm"] or status["redis"]["alarm"]

        how = wait_until(outcome, seconds, "karizd refuses the damaged journal")
        if how != "ended":
            return how
        self._ended()
        if self.exit_code <= 0:
            raise AssertionError(f"karizd ended with {self.exit_code}:\n{self.tail()}")
        return how


class Broken(AssertionError):
    """A sum is wrong, or something did not come back."""


class System:
    """`redis`: "embedded", "external" or "sentinel". `disk_mb`: karizd's data on a disk of that size.
    `clock`: its clock can be stepped. `long`: seconds that long faults take."""

    def __init__(self, seed, redis="embedded", disk_mb=None, clock=False, long=7.0,
                 say=lambda text: None):
        self.random = random.Random(seed)
        self.seed, self.say, self.long = seed, say, long
        self.folder = tempfile.mkdtemp(prefix="kariz-faults-")
        self.is_embedded = redis == "embedded"
        self.disk = None
        self.number, self.began = 0, time.monotonic()
        self.done = Counter()  # faults that passed, by name
        self.low = Counter()  # work that must be there
        self.maybe = Counter()  # work that may be there as well
        self.shares = self.bench_shares = 0
        self.snapshots = []
        self.blocks = []  # hashes of those whose share was accepted
        self.was_killed = False  # karizd, in this round
        self.may_refuse = False  # shares, in this round, as overloaded
        self.load = self.bench = self.karizd = self.redis = self.node = None
        try:
            self.set_up(redis, disk_mb, clock)
        except BaseException:
            self.close()
            raise

    # --- life ---

    def set_up(self, redis, disk_mb, clock):
        self.node = nodes.new_node().start()
        self.port = nodes.free_port()
        settings = {
            "instance": INSTANCE,
            "flush_ms": 50,
            "journal": {"segment_mb": 1, "sync_ms": 50},
            "stratum": {"listen": [listener(address=f"127.0.0.1:{self.port}")], "threads": 2},
            "log": {"level": "info"},
        }
        if disk_mb:
            self.disk = os.path.join(self.folder, "disk")
            os.mkdir(self.disk)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_mb}m", "kariz-faults",
                            self.disk], check=True)
            settings["data_dir"] = os.path.join(self.disk, "data")
        if redis == "external":
            self.redis = Redis(os.path.join(self.folder, "redis"))
            settings["redis"] = "unix://" + self.redis.path
        elif redis == "sentinel":
            self.redis = SentinelSet(os.path.join(self.folder, "redis"))
            settings["redis"] = self.redis.settings()
        if self.redis:
            self.redis.start()
        self.karizd = Daemon([self.node], **settings)
        if clock:
            self.clock = Clock(os.path.join(self.folder, "clock"))
            self.karizd.environment = self.clock.environment
        self.data_dir = self.karizd.settings["data_dir"]
        self.journal_dir = os.path.join(self.data_dir, "journal")
        self.karizd.start()
        for miner in MINERS + (BENCH,):
            self.karizd.register(miner)
        logins = [m + ".rig" for m in MINERS] + [MINERS[0] + ".second"]
        self.load = Load(("127.0.0.1", self.port), logins)

    def close(self):
        try:
            for part in (self.bench, self.load):
                if part:
                    part.kill() if part is self.bench else part.close()
        finally:
            try:
                if self.karizd:
                    self.karizd.close()
            finally:
                if self.redis:
                    self.redis.kill()
                if self.node:
                    self.node.remove()
                if self.disk:
                    subprocess.run(["umount", "-l", self.disk], check=False)
                if not os.environ.get("KARIZ_KEEP"):
                    shutil.rmtree(self.folder, ignore_errors=True)

    # --- what is there ---

    @property
    def redis_socket(self):
        return self.redis.path if self.redis else os.path.join(self.data_dir, "redis/redis.sock")

    @property
    def redis_data(self):
        return self.redis.data if self.redis else os.path.join(self.data_dir, "redis")

    @property
    def aof_dir(self):
        return os.path.join(self.redis_data, "appendonlydir")

    def redis_pid(self):
        if self.redis:
            return self.redis.process.pid
        return wait_until(lambda: self.karizd.status()["redis"].get("pid"), 20,
                          "the embedded server runs")

    def kill_karizd(self):
        self.karizd.kill()
        self.was_killed = True
        if self.is_embedded:
            # Its server ends with it, but takes a moment for its last sync.
            wait_until(lambda: not is_answering(self.redis_socket), 20, "the server ended")

    def start_karizd(self):
        self.karizd.start()

    # --- a round ---

    def run_fault(self, name):
        self.number += 1
        self.was_killed = self.may_refuse = False
        self.note = ""
        began = time.monotonic()
        before = self.shares
        try:
            with_bench = self.random.random() < 0.25
            self.load.begin()
            if with_bench:
                self.start_bench()
            self.load.wait_more(self.random.randint(20, 100), 60, "shares before the fault")
            if self.random.random() < 0.25:
                self.mine_block()  # found in the very moment
            getattr(self, "fault_" + name)()
            self.load.wait_more(self.random.randint(20, 60), 60, "shares behind the fault")
            self.settle()
            self.verify()
            if self.random.random() < 0.2 and not isinstance(self.redis, SentinelSet):
                self.take_snapshot()
        except (AssertionError, OSError, Refused) as e:
            raise Broken(self.describe(name, e)) from e
        self.done[name] += 1
        self.say("%4d  %-24s %5.1f s  %6d shares%s%s" % (
            self.number, name, time.monotonic() - began, self.shares - before,
            ", kariz-bench" if with_bench else "", self.note and f" ({self.note})"))

    def start_bench(self, **how):
        self.bench = BenchLoad(("127.0.0.1", self.port), BENCH, **how)
        have = len(self.load.clients)
        wait_until(lambda: self.karizd.status()["stratum"]["authorized_sessions"] > have, 30,
                   "kariz-bench is connected")

    def mine_block(self):
        """The share that is a block closes the open slice, and is paid for by it."""
        rig = Rig(("127.0.0.1", self.port)).ready(MINERS[0] + ".block")
        try:
            for _ in range(3):
                share = rig.find(kind="block")
                reply = rig.submit(share)
                if reply["result"] is True or reply["error"][0] != 21:
                    break
                rig.wait_note("mining.notify")  # another block was first
        finally:
            rig.close()
        if reply["result"] is not True:
            raise AssertionError(f"a block was refused: {reply}")
        self.blocks.append(bitcoin.display(share.hash))
        self.low[MINERS[0]] += UNIT_WORK
        self.shares += 1

    def stop_load(self):
        self.load.end()
        with self.load.lock:
            for miner, count in self.load.accepted.items():
                self.low[miner] += count * UNIT_WORK
                self.shares += count
            for miner, count in self.load.unanswered.items():
                self.maybe[miner] += count * UNIT_WORK
            rejected = Counter(self.load.rejected)
            self.load.accepted.clear()
            self.load.unanswered.clear()
            self.load.rejected.clear()
        if self.bench:
            bench, self.bench = self.bench, None
            sums = bench.end()
            self.low[BENCH] += sums["accepted"] * UNIT_WORK
            self.maybe[BENCH] += sums["unanswered"] * UNIT_WORK
            self.shares += sums["accepted"]
            self.bench_shares += sums["accepted"]
            rejected.update({(code, "kariz-bench"): n for code, n in sums["codes"].items()})
        for (code, text), count in rejected.items():
            # A share of a job that is over; and the pool's own word that it is full.
            if code == 21 or (code == 20 and self.may_refuse):
                continue
            raise AssertionError(f"{count} shares were refused: {code} {text}")
        if not self.was_killed and any(self.maybe.values()):
            raise AssertionError(f"connections were lost though nobody killed karizd: "
                                 f"{dict(self.maybe)}")

    def work(self, status):
        """What is shown for each miner, which the store keeps apart from what it adds up."""
        return {m["id"]: int(m["work"]) for m in status["miners"]}

    def is_drained(self, status):
        redis, kept = status["redis"], status["journal"]
        return (redis["state"] == "ready" and redis["replay"]["pending_records"] == 0
                and kept["unsynced_bytes"] == 0 and kept["unread_bytes"] == 0
                and "alarm" not in status)

    def settle(self):
        """No load; drained; and each sum is right."""
        self.stop_load()
        if self.random.random() < 0.3:
            self.mine_block()
        seen = {"work": None, "since": 0.0, "status": None}

        def is_settled():
            try:
                status = self.karizd.status()
            except OSError:
                return False
            work = self.work(status)
            seen["status"] = status
            if not self.is_drained(status) or \
                    any(work.get(m, 0) < low for m, low in self.low.items()):
                seen["work"] = None
                return False
            if work != seen["work"]:
                seen["work"], seen["since"] = work, time.monotonic()
            return time.monotonic() - seen["since"] >= STABLE_SECONDS

        try:
            wait_until(is_settled, 60)
        except AssertionError:
            raise AssertionError("not drained, or work is missing: " +
                                 self.compare(seen["status"])) from None
        for miner, low in self.low.items():
            if not low <= seen["work"][miner] <= low + self.maybe[miner]:
                raise AssertionError("work is wrong: " + self.compare(seen["status"]))
        self.compare_rows(seen)
        self.compare_ledger()
        self.compare_slices(seen)
        self.low.update({m: seen["work"][m] - self.low[m] for m in self.low})
        self.maybe.clear()
        for part in ("redis", "journal"):
            if seen["status"][part]["alarm"]:
                raise AssertionError(f"an alarm is left: {seen['status'][part]['alarm']}")

    def compare_slices(self, seen):
        """What blocks are paid by: the closed slices, and the one that is open."""
        closed = in_closed_slices(self.redis_socket, INSTANCE)
        opened = seen["status"]["journal"]["open_work"]
        for miner, work in closed.items():
            if work > seen["work"].get(miner, 0):
                raise AssertionError(f"{work} of {miner} is in closed slices, " +
                                     self.compare(seen["status"]))
        if sum(closed.values()) + opened != sum(seen["work"].values()):
            raise AssertionError(f"{sum(closed.values())} in closed slices, {opened} in the "
                                 f"open one: {dict(closed)}; " + self.compare(seen["status"]))

    def is_beaten(self, block):
        """The node has it, and another one at its height."""
        try:
            height = self.node.rpc("getblockheader", block)["height"]
            return self.node.rpc("getblockhash", height) != block
        except nodes.RpcError:
            return False

    def compare_ledger(self):
        """Each block that was not beaten is booked once, each entry sums to nothing, and
        the balances are what the entries say."""
        def booked():
            keys = {e["key"] for e in read_ledger(self.redis_socket)[0]}
            return all("blk:%s:accept" % b in keys or self.is_beaten(b) for b in self.blocks)

        wait_until(booked, 30, "the blocks are booked", every=0.1)
        entries, balances = read_ledger(self.redis_socket)
        keys, book = Counter(e["key"] for e in entries), Counter()
        for entry in entries:
            book.update(entry["postings"])
            if keys[entry["key"]] != 1 or sum(entry["postings"].values()) != 0:
                raise AssertionError(f"an entry is wrong: {entry}")
        for account in set(book) | set(balances):
            if book[account] != balances[account]:
                raise AssertionError(f"{account} is {balances[account]}, the entries say "
                                     f"{book[account]}")

    def compare_rows(self, seen):
        """What is added up in several ways has to be the same in all of them."""
        rows = credited(self.redis_socket, INSTANCE)
        if time.monotonic() - self.began > MINUTES_KEPT:
            del rows["tally m"]
        for name, sums in rows.items():
            for miner in self.low:
                if sums[miner] != seen["work"][miner]:
                    raise AssertionError(f"{name} of {miner} is {sums[miner]}, status says "
                                         + self.compare(seen["status"]))

    def compare(self, status):
        if status is None:
            return "no status"
        work = self.work(status)
        rows = [f"{m}: {work.get(m)} in Redis, {low} to {low + self.maybe[m]} seen"
                for m, low in sorted(self.low.items())]
        return "; ".join(rows) + "; redis %s; journal %s; alarm %s" % (
            json.dumps(status["redis"]), json.dumps(status.get("journal")),
            status.get("alarm"))

    def run_verify(self, what, *more):
        """(exit code, all that it said)"""
        done = subprocess.run(self.karizd.command(what, "verify", *more), text=True,
                              capture_output=True, timeout=120 * SCALE, check=False,
                              env=environment(), stdin=subprocess.DEVNULL)
        return done.returncode, (done.stdout + done.stderr).strip()

    def verify(self):
        """Of the ledger more than once: a block that lost against another is taken back
        when the accounts next look at the chain."""
        said = ""

        def passes(what):
            nonlocal said
            code, said = self.run_verify(what)
            return code == 0 and said.splitlines()[-1].startswith(what + " verify: ok")

        for what in ("journal", "ledger"):
            try:
                wait_until(lambda w=what: passes(w), 0 if what == "journal" else 20, every=0.5)
            except AssertionError:
                raise AssertionError(f"karizctl {what} verify: {said[-1500:]}") from None

    def describe(self, name, e):
        log = self.karizd.tail(30) if self.karizd else ""
        return (f"seed {self.seed}, fault {self.number} ({name}): {type(e).__name__}: {e}\n"
                f"--- the end of karizd's log\n{log}")

    # --- copies of Redis ---

    def take_snapshot(self):
        path = self.redis_socket
        wait_until(lambda: not is_rewriting(path), 30, "no rewrite is under way")
        copy = os.path.join(tempfile.mkdtemp(dir=self.folder, prefix="snapshot-"), "data")
        shutil.copytree(self.aof_dir, copy)
        self.snapshots.append((copy, time.monotonic()))
        while len(self.snapshots) > SNAPSHOTS:
            shutil.rmtree(os.path.dirname(self.snapshots.pop(0)[0]))

    def put_back(self, copy):
        """While no server runs on the data."""
        shutil.rmtree(self.aof_dir, ignore_errors=True)
        if copy:
            shutil.copytree(copy, self.aof_dir)

    def with_redis_down(self, change):
        """`change` runs while the server is stopped. The embedded one has to be stopped
        with its karizd, which would start it again at once."""
        if self.redis:
            self.redis.kill()
            change()
            self.redis.start()
        else:
            self.kill_karizd()
            change()
            self.start_karizd()

    def wait_ready(self, what="the store is ready again"):
        def is_ready():
            try:
                return self.karizd.status()["redis"]["state"] == "ready"
            except OSError:
                return False
        wait_until(is_ready, 60, what)

    # --- faults ---

    def fault_kill_karizd(self):
        self.kill_karizd()
        self.start_karizd()

    def fault_kill_at_start(self):
        """Again and again, at any moment of its start."""
        self.kill_karizd()
        for _ in range(self.random.randrange(1, 4)):
            self.karizd.spawn()
            try:
                self.karizd.process.wait(self.random.uniform(0.01, 0.5))
            except subprocess.TimeoutExpired:
                pass
            else:
                raise AssertionError("karizd ended by itself:\n" + self.karizd.tail())
            self.kill_karizd()
        self.start_karizd()

    def fault_kill_in_replay(self):
        """Everything is applied again; in the middle of that, one or both of them die."""
        if self.redis:
            self.redis.kill()
        self.kill_karizd()
        self.put_back(None)
        for _ in range(self.random.randrange(1, 3)):
            if self.redis:
                self.redis.start()
            self.karizd.spawn()
            what = self.random.choice(("karizd", "redis", "both"))
            self.wait_for_replay()
            if self.redis and what != "karizd":
                self.redis.kill()
            elif what != "karizd":
                os.kill(self.redis_pid(), signal.SIGKILL)
            self.kill_karizd()
            if self.redis and what == "karizd":
                self.redis.kill()
        if self.redis:
            self.redis.start()
        self.start_karizd()

    def wait_for_replay(self):
        """Until some of it is done and some is not, or until all is: it may be quick."""
        def has_begun():
            try:
                redis = self.karizd.status(5)["redis"]
            except OSError:
                return False
            replay = redis["replay"]
            return redis["state"] == "ready" and (replay["applied"] > 0 or
                                                  replay["pending_records"] == 0)
        wait_until(has_begun, 60, "the replay has begun", every=0.002)

    def fault_stop_karizd(self):
        self.was_killed = True  # its sessions end, some in the middle of a share
        self.karizd.stop()
        self.start_karizd()

    def fault_kill_redis(self):
        if self.redis:
            self.redis.kill()
            self.load.wait_more(self.random.randint(10, 60), 20, "shares without Redis")
            self.redis.start()
        else:
            restarts = self.karizd.status()["redis"]["restarts"]
            os.kill(self.redis_pid(), signal.SIGKILL)
            wait_until(lambda: self.karizd.status()["redis"]["restarts"] > restarts, 30,
                       "the embedded server was started again")

    def fault_kill_both(self):
        if self.redis:
            first = self.random.random() < 0.5
            if first:
                self.redis.kill()
            self.kill_karizd()
            if not first:
                self.redis.kill()
            if self.random.random() < 0.5:
                self.redis.start()
                self.start_karizd()
            else:
                self.karizd.spawn()
                self.redis.start()
                wait_until(lambda: self.karizd.logged("registry_loaded", self.karizd.mark), 60,
                           "karizd has its registry")
        else:
            os.kill(self.redis_pid(), signal.SIGKILL)
            self.kill_karizd()
            self.start_karizd()

    def freeze(self, seconds):
        """Rigs mine on meanwhile: each of their replies needs no Redis."""
        pid = self.redis_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self.load.wait_more(20, 30, "shares while Redis is frozen")
        finally:
            os.kill(pid, signal.SIGCONT)

    def fault_freeze_redis(self):
        self.freeze(self.random.uniform(0.1, 1.5))

    def fault_freeze_redis_long(self):
        self.freeze(self.long)

    def fault_roll_back_redis(self):
        if not self.snapshots:
            self.take_snapshot()
            self.load.wait_more(100, 30, "shares behind the copy")
        copy, taken = self.random.choice(self.snapshots)
        self.with_redis_down(lambda: self.put_back(copy))
        self.rolled_back = time.monotonic() - taken
        self.wait_ready()

    def fault_lose_redis(self):
        self.with_redis_down(lambda: self.put_back(None))
        self.wait_ready()

    def cut_aof(self, size=3):
        names = [n for n in os.listdir(self.aof_dir) if n.endswith(".incr.aof")]
        last = max(names, key=lambda n: int(n.split(".")[-3]))
        path = os.path.join(self.aof_dir, last)
        if os.path.getsize(path) > size:
            os.truncate(path, os.path.getsize(path) - size)

    def fault_cut_aof(self):
        """Spec section 8, "Heal first": a transaction cut in its last word must not swallow
        the one behind it at the next start."""
        if self.redis:
            self.redis.kill()
            self.cut_aof()
            self.redis.start()
            self.wait_ready()
            self.load.wait_more(40, 30, "shares are applied behind the cut")
            self.settle()  # the replay is in Redis, and the sums are right
            self.load.begin()
            self.redis.kill()
            self.redis.start()
        else:
            for cut in (True, False):
                restarts = self.karizd.status()["redis"]["restarts"]
                pid = self.redis_pid()
                os.kill(pid, signal.SIGSTOP)  # no new start while it is cut
                if cut:
                    self.cut_aof()
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: self.karizd.status()["redis"]["restarts"] > restarts, 30,
                           "the embedded server was started again")
                self.wait_ready()
                if cut:
                    self.load.wait_more(40, 30, "shares are applied behind the cut")
                    self.settle()
                    self.load.begin()
        self.wait_ready()

    def fault_torn_tail(self):
        """What a power cut may leave behind the committed end; a kill alone leaves none."""
        self.kill_karizd()
        torn = 0
        for stream in journal.streams(self.journal_dir).values():
            # The last one is prepared and empty: the one before it is written to.
            used = [s for s in stream if s.end() > journal.HEAD]
            if not used or used[-1].is_sealed:
                continue
            segment, kind = used[-1], self.random.randrange(3)
            end = segment.end()
            if len(segment.data) - end < 1024:
                continue
            records = list(segment.records())
            offset, length, _ = records[-1]
            whole = segment.data[offset:offset + length]
            if kind == 0:
                data = self.random.randbytes(self.random.randrange(1, 400))
            elif kind == 1:  # the first half of a record
                data = whole[:length // 2]
            else:  # a hole, and a whole record behind it
                data = bytes(64) + whole
            segment.write(end, data)
            torn += 1
        if not torn:
            raise AssertionError("no segment had an end to tear")
        self.start_karizd()
        self.karizd.wait_log("journal_tail_cut", 5, self.karizd.mark)

    def damage(self, segment, low, high):
        """Flips a bit of a record between the offsets; what undoes it."""
        records = [(o, n) for o, n, _ in segment.records() if low <= o and o + n <= high]
        offset, length = self.random.choice(records)
        at = offset + self.random.randrange(length)
        flipped = segment.data[at] ^ (1 << self.random.randrange(8))
        segment.write(at, bytes([flipped]))
        return lambda: segment.write(at, segment.data[at:at + 1])

    def verify_dir_fails(self):
        code, said = self.run_verify("journal", "--dir", self.journal_dir,
                                     "--network", "regtest")
        if code != 1:
            raise AssertionError(f"journal verify found no damage: {code} {said[-300:]}")

    def fault_flip_bit(self):
        """In the synced part of what is written to: seen at the start."""
        self.kill_karizd()
        used = [s for s in journal.segments(self.journal_dir)
                if s.synced > journal.HEAD and not s.is_sealed]
        if not used:
            raise AssertionError("no segment has anything synced")
        segment = self.random.choice(used)
        mend = self.damage(segment, journal.HEAD, segment.synced)
        self.verify_dir_fails()
        self.note = self.karizd.refuses_to_start()
        if self.note != "ended":
            self.stop_damaged()
        mend()
        self.start_karizd()

    def fault_flip_old_bit(self):
        """In a sealed segment, of which Redis needs everything: the replay has to stop
        there, with an alarm, and apply nothing of it and behind it."""
        sealed = [s for s in journal.segments(self.journal_dir) if s.is_sealed]
        if not sealed:
            self.fault_flip_bit()
            return
        self.kill_karizd()
        if self.redis:
            self.redis.kill()
        self.put_back(None)
        if self.redis:
            self.redis.start()
        segment = self.random.choice(sealed)
        mend = self.damage(segment, journal.HEAD, segment.synced)
        self.verify_dir_fails()
        self.note = self.karizd.refuses_to_start(60)
        if self.note != "ended":
            self.stop_damaged()
        mend()
        self.start_karizd()

    def stop_damaged(self):
        """karizd runs on with an alarm: no sum may be above what was earned."""
        # Shares it accepts meanwhile are in other segments, and count.
        self.may_refuse = True
        self.load.end()
        status = self.karizd.status()
        work = self.work(status)
        for miner, have in work.items():
            most = self.low[miner] + self.maybe[miner] + UNIT_WORK * (
                self.load.accepted[miner] + self.load.unanswered[miner])
            if miner != BENCH and have > most:
                raise AssertionError("damage was applied: " + self.compare(status))
        self.kill_karizd()
        self.load.begin()

    def ask_redis(self, *words):
        with Connection(self.redis_socket) as c:
            return c.call(*words)

    def fault_connections_killed(self):
        """While commands are under way: which of them Redis did is then unknown."""
        for _ in range(self.random.randrange(1, 12)):
            self.load.wait_more(self.random.randint(1, 60), 30)
            self.ask_redis("CLIENT", "KILL", "TYPE", "normal")
        self.wait_ready()

    def fault_scripts_lost(self):
        self.ask_redis("SCRIPT", "FLUSH")

    def fault_redis_out_of_memory(self):
        self.ask_redis("CONFIG", "SET", "maxmemory", "1")
        try:
            self.load.wait_more(200, 30, "shares while Redis refuses all writes")
        finally:
            self.ask_redis("CONFIG", "SET", "maxmemory", "0")

    def fault_kill_in_rewrite(self):
        self.ask_redis("BGREWRITEAOF")
        self.fault_kill_redis()

    def fault_node_gone(self):
        if self.random.random() < 0.5:
            self.node.kill()
        else:
            self.node.stop()
        self.load.wait_more(50, 30, "shares while the node is away")
        self.node.start()
        self.node.generate(1)
        # A node that was killed may have lost its last blocks, and this one has no peers to
        # get them back from: work on its older tip is taken up after a minute.
        wait_until(lambda: self.karizd.status().get("height", 0) == self.node.height + 1, 150,
                   "jobs on the node's tip")

    def fault_new_block(self):
        """Not a fault, but what changes jobs under the load while another comes."""
        self.node.generate(1)
        self.fault_kill_karizd()

    def fault_block_race(self):
        """Ours and another's at one height: whichever the node takes, the ledger follows."""
        rig = Rig(("127.0.0.1", self.port)).ready(MINERS[0] + ".block")
        try:
            share = rig.find(kind="block")
            if self.random.random() < 0.5:
                self.node.generate(1)
                reply = rig.submit(share)
            else:  # both at once
                call = rig.start_call("mining.submit", *share.params(rig.login))
                self.node.generate(1)
                reply = rig.finish_call(call)
        finally:
            rig.close()
        if reply["result"] is True:
            self.low[MINERS[0]] += UNIT_WORK
        elif reply["error"][0] != 21:
            raise AssertionError(f"a block was refused: {reply}")
        block = bitcoin.display(share.hash)
        if self.random.random() < 0.5:
            self.fault_kill_karizd()
        self.wait_fate(block, reply["result"] is True)

    def wait_fate(self, block, counts):
        """The node's best chain has it, and it is booked; or it has another at that height,
        and the ledger holds nothing for it."""
        def is_right():
            # Not "confirmations": bcoin counts them for blocks beside the best chain as well.
            try:
                height = self.node.rpc("getblockheader", block)["height"]
                wins = self.node.rpc("getblockhash", height) == block
            except nodes.RpcError:
                wins = False
            entries, _ = read_ledger(self.redis_socket)
            book = Counter()
            for entry in entries:
                if entry["key"].startswith("blk:" + block):
                    book.update(entry["postings"])
            self.note = "won" if wins else "lost"
            return wins == any(book.values()) and (counts or not wins or any(book.values()))

        wait_until(is_right, 60, "the ledger follows the chain", every=0.2)

    # --- under Sentinel ---

    def fail_over(self, change):
        """`change` makes the master unusable; it comes back as a replica."""
        old = self.redis.master
        wait_until(self.redis.is_in_step, 60, "the replica is in step")
        change()
        self.redis.wait_moved()
        self.wait_ready("the store follows the fail-over")
        if self.redis.processes[old].poll() is not None:
            self.redis.start_server(old)

    def lag(self):
        """Work that the replica lacks."""
        work = [sum(credited(("127.0.0.1", self.redis.ports[i]), INSTANCE)["tally d"].values())
                for i in (1 - self.redis.master, self.redis.master)]
        return work[1] - work[0]

    def kill_master(self):
        process = self.redis.process
        process.kill()
        process.wait()

    def fault_fail_over(self):
        self.fail_over(self.kill_master)

    def fault_fail_over_to_one_behind(self):
        """What the old master had applied last, and acknowledged, the new one lacks."""

        def change():
            self.redis.cut_replica_off()
            wait_until(lambda: self.lag() > 100, 30, "the replica lacks what is credited")
            self.kill_master()

        replica = 1 - self.redis.master
        self.fail_over(change)
        with Connection(("127.0.0.1", self.redis.ports[replica])) as c:
            c.call("CONFIG", "SET", "masteruser", "")
            c.call("CONFIG", "SET", "masterauth", "")

    def fault_master_frozen(self):
        """It thaws as one that believes to be the master, until a sentinel tells it."""
        process = self.redis.process
        old = self.redis.master
        self.fail_over(lambda: os.kill(process.pid, signal.SIGSTOP))
        os.kill(process.pid, signal.SIGCONT)

        def is_replica():
            with Connection(("127.0.0.1", self.redis.ports[old])) as c:
                return c.call("ROLE")[0] == b"slave"

        wait_until(is_replica, 60, "the old master was made a replica", every=0.2)

    # --- on a small disk ---

    def fill_disk(self):
        path = os.path.join(self.disk, "fill")
        with open(path, "ab", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while f.write(bytes(size)) > 0:
                        pass
                except OSError:
                    continue

    def is_refusing(self):
        with self.load.lock:
            return any(code == 20 for code, _ in self.load.rejected)

    def block_on_a_full_disk(self):
        """Its share is refused, or counts; the node has it in any case, and it is booked."""
        rig = Rig(("127.0.0.1", self.port)).ready(MINERS[0] + ".block")
        try:
            share = rig.find(kind="block")
            reply = rig.submit(share)
        finally:
            rig.close()
        block = bitcoin.display(share.hash)
        self.blocks.append(block)
        if reply["result"] is True:
            self.low[MINERS[0]] += UNIT_WORK
        elif reply["error"][0] != 20:
            raise AssertionError(f"a block was refused: {reply}")

        def is_known():
            try:
                return self.node.rpc("getblockheader", block)
            except nodes.RpcError:
                return None

        wait_until(is_known, 20, "the node has a block that was found on a full disk")
        self.note = "block's share " + ("counts" if reply["result"] is True else "refused")

    def fault_disk_full(self):
        self.may_refuse = True
        self.fill_disk()
        if self.bench:
            sums = self.bench.end()  # one that is faster uses up what is prepared
            self.low[BENCH] += sums["accepted"] * UNIT_WORK
            self.maybe[BENCH] += sums["unanswered"] * UNIT_WORK
            self.bench = None
        self.start_bench(connections=8, saturate=True)
        wait_until(lambda: self.is_refusing() or self.load.broken, 90, "shares are refused")
        status = self.karizd.status()
        if not status["journal"]["no_space"]:
            raise AssertionError(f"not said to be full: {status['journal']}")
        self.block_on_a_full_disk()
        if self.random.random() < 0.3:
            self.kill_karizd()
            self.karizd.spawn()
            wait_until(self.karizd._is_ready, 30, "karizd starts on a full disk")
        os.unlink(os.path.join(self.disk, "fill"))
        wait_until(lambda: not self.karizd.status()["journal"]["no_space"], 30,
                   "the space is noticed")

    # --- with a clock of its own ---

    def fault_step_clock(self):
        self.clock.step(self.random.choice((-5400, -3600, -61, -5, 5, 61, 3600, 5400)))

        def is_there():
            """It reads its clock's file once a second; its log tells what it read."""
            mark = len(self.karizd.lines)
            self.node.generate(1)
            line = self.karizd.wait_log("job_published", 20, mark)
            told = datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00"))
            return abs(told.timestamp() - self.clock.now()) < 3

        wait_until(is_there, 30, "karizd has the new time", every=0.1)
        self.load.wait_more(60, 30, "shares at the new time")
        if self.random.random() < 0.5:
            self.kill_karizd()
            self.start_karizd()


class Clock:
    """libfaketime under karizd (and its Redis): the wall clock can be stepped, the
    monotonic one goes on."""

    LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")

    def __init__(self, path):
        self.path, self.offset = path, 0
        self.step(0)

    @classmethod
    def library(cls):
        import glob
        found = [name for pattern in cls.LIBRARIES for name in glob.glob(pattern)]
        return found[0] if found else None

    @property
    def environment(self):
        return {
            "LD_PRELOAD": self.library(),
            "FAKETIME_TIMESTAMP_FILE": self.path,
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def now(self):
        return time.time() + self.offset

    def step(self, seconds):
        # Not further than what keeps the node's time within the two hours of a block.
        self.set(self.offset + (seconds if abs(self.offset + seconds) <= 5400 else -seconds))

    def set(self, offset):
        self.offset = offset
        with open(self.path + ".new", "w") as f:
            f.write("%+d\n" % self.offset)
        os.rename(self.path + ".new", self.path)


class WithClock:
    """For a test's class: what runs under a Clock is the release build, since the address
    sanitizer wants to be the first library."""

    @classmethod
    def setUpClass(cls):
        need(Clock.library(), "libfaketime (package faketime)")
        build = os.environ.get("KARIZ_BUILD")
        if build is None or "release" not in build:
            need(os.path.exists(os.path.join(nodes.ROOT, "build/release/karizd")),
                 "the release build")
            cls.addClassCleanup(cls.set_build, build)
            cls.set_build("build/release")
        need(os.access(program("karizd"), os.X_OK), "karizd")
        super().setUpClass()

    def start_with_clock(self):
        """The test's own karizd under a clock, at a Redis that goes by the real one: the
        embedded one hangs under libfaketime."""
        folder = tempfile.mkdtemp(prefix="kariz-test-")
        self.addCleanup(shutil.rmtree, folder, True)
        redis = Redis(os.path.join(folder, "redis"))
        self.addCleanup(redis.kill)
        redis.start()
        self.karizd = Karizd(self.nodes, redis="unix://" + redis.path)
        self.addCleanup(self.karizd.close)
        self.clock = Clock(os.path.join(self.karizd.folder, "clock"))
        self.karizd.environment = self.clock.environment
        self.karizd.start()

    @staticmethod
    def set_build(build):
        if build is None:
            os.environ.pop("KARIZ_BUILD", None)
        else:
            os.environ["KARIZ_BUILD"] = build


# --- plans -------------------------------------------------------------------------------

# How often each is in a deck; a long run goes through decks again and again.
COMMON = {
    "kill_karizd": 5, "kill_redis": 5, "kill_both": 4, "freeze_redis": 3,
    "freeze_redis_long": 1, "roll_back_redis": 4, "lose_redis": 2, "cut_aof": 3,
    "torn_tail": 4, "flip_bit": 3, "flip_old_bit": 1, "node_gone": 1, "new_block": 2,
    "stop_karizd": 2, "kill_at_start": 2, "kill_in_replay": 2,
    "connections_killed": 2, "scripts_lost": 1, "redis_out_of_memory": 1, "kill_in_rewrite": 1,
    "block_race": 2,
}
ON_SMALL_DISK = {"disk_full": 3, "kill_karizd": 1, "kill_redis": 1}
UNDER_SENTINEL = {
    "fail_over": 3, "fail_over_to_one_behind": 3, "master_frozen": 1, "kill_karizd": 2,
}
WITH_CLOCK = {"step_clock": 5, "kill_redis": 1, "roll_back_redis": 1}


def deck(weights, rng):
    """All of them, shuffled: in a run of one deck each kind happens."""
    names = [name for name, count in weights.items() for _ in range(count)]
    rng.shuffle(names)
    return names


def run(system, weights, faults=None, until=None):
    """`faults` of them, or until that moment; the count by name."""
    rng = random.Random(system.seed * 7919 + 1)
    names = []
    start = system.number
    while (faults is None or system.number - start < faults) and \
            (until is None or time.monotonic() < until):
        names = names or deck(weights, rng)
        system.run_fault(names.pop())
    return system.done
