"""Load for the fault tests: rigs that count exactly what they were told.

A share is *accepted* when the pool's reply said so, *unanswered* when the connection ended
before any reply: the pool may have credited it or not. Nothing else may be credited.
Rigs go on through restarts of the pool; between bursts they keep their connections.
"""

import json
import subprocess
import threading
import time
from collections import Counter

from .karizd import environment, program
from .rig import Closed, Rig
from .wait import SCALE, wait_until

CHUNK = 16  # shares of one connection under way at once
PAUSE = 0.02  # between two chunks: some thousand shares a second in all, not all there could be


class Client(threading.Thread):
    """One connection. Mines while `load.gate` is set, else waits with nothing under way."""

    def __init__(self, load, address, login):
        super().__init__(daemon=True)
        self.load, self.address, self.login = load, address, login
        self.miner = login.split(".")[0]
        self.rig = None
        self.is_idle = threading.Event()

    def run(self):
        try:
            while not self.load.is_over:
                if not self.load.gate.is_set():
                    self.is_idle.set()
                    self.load.gate.wait(0.5)
                    continue
                self.is_idle.clear()
                self.mine_some()
        except Exception as e:  # a mistake of the test's own must not look like silence
            self.load.broken = f"{type(e).__name__}: {e}"
            raise
        finally:
            self.is_idle.set()
            self.drop()

    def drop(self):
        if self.rig:
            self.rig.close()
        self.rig = None

    def connect(self):
        try:
            self.rig = Rig(self.address)
            self.rig.subscribe()
            reply = self.rig.authorize(self.login)
            if reply["result"] is not True:
                self.load.count_refused(reply["error"])
                return False
            self.rig.settle()
            if self.rig.job is None:
                self.rig.wait_note("mining.notify")
            return True
        except (OSError, Closed, AssertionError, json.JSONDecodeError, TypeError, KeyError):
            return False

    def mine_some(self):
        if self.rig is None and not self.connect():
            self.drop()
            self.load.retry.wait(0.05)
            return
        rig, waiting = self.rig, []
        try:
            lines = b""
            for _ in range(CHUNK):
                share = rig.find(kind="share")
                rig.next_id += 1
                waiting.append(rig.next_id)
                lines += json.dumps({"id": rig.next_id, "method": "mining.submit",
                                     "params": share.params(self.login)}).encode() + b"\n"
            # All of it counts as sent: how much of it the pool got is not known.
            rig.send_bytes(lines)
            while waiting:
                reply = rig.finish_call(waiting[0])
                waiting.pop(0)
                self.load.count(self.miner, reply)
            rig.notes.clear()
            self.load.retry.wait(PAUSE)
        except (OSError, Closed, AssertionError, ValueError):
            answered = [i for i in waiting if i in rig.replies]
            for i in answered:
                self.load.count(self.miner, rig.replies[i])
            self.load.count_unanswered(self.miner, len(waiting) - len(answered))
            self.drop()


class Load:
    """All clients of one pool. `accepted` and `unanswered` are shares by miner."""

    def __init__(self, address, logins):
        self.lock = threading.Lock()
        self.accepted, self.unanswered = Counter(), Counter()
        self.rejected, self.refused = Counter(), Counter()
        self.gate, self.retry = threading.Event(), threading.Event()
        self.is_over, self.broken = False, None
        self.clients = [Client(self, address, login) for login in logins]
        for client in self.clients:
            client.start()

    def count(self, miner, reply):
        with self.lock:
            if reply["result"] is True:
                self.accepted[miner] += 1
            else:
                self.rejected[tuple(reply["error"][:2])] += 1

    def count_refused(self, error):
        with self.lock:
            self.refused[tuple((error or [0, "?"])[:2])] += 1

    def count_unanswered(self, miner, count):
        with self.lock:
            self.unanswered[miner] += count

    def total(self):
        with self.lock:
            return sum(self.accepted.values())

    def begin(self):
        self.gate.set()

    def end(self, seconds=30):
        """Nothing is under way behind this."""
        self.gate.clear()
        for client in self.clients:
            if not client.is_idle.wait(seconds * SCALE):
                raise AssertionError(f"{client.login} waits for its replies")
        if self.broken:
            raise AssertionError("a client broke: " + self.broken)

    def wait_more(self, count, seconds=30, what="shares are accepted"):
        start = self.total()
        wait_until(lambda: self.broken or self.total() >= start + count, seconds, what)

    def close(self):
        self.is_over = True
        self.gate.set()
        for client in self.clients:
            client.join(15 * SCALE)


class BenchLoad:
    """`kariz-bench load` beside them, as miner `miner` with a login a connection."""

    def __init__(self, address, miner, connections=4, rate=400, saturate=False):
        self.miner = miner
        how = ["--saturate"] if saturate else ["--rate", str(rate)]
        self.process = subprocess.Popen(
            [program("kariz-bench"), "load", "--url", "%s:%d" % address, "--user",
             miner + ".bench%d", "--connections", str(connections), "--ramp", "0",
             "--seconds", "86400", "--mode", "valid", "--reconnect", "--logins", "--json",
             *how],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.started = time.monotonic()

    def end(self):
        """{"accepted", "unanswered", "rejected": shares} once the last replies are there."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=30 * SCALE)
        if self.process.returncode != 0 or not out:
            raise AssertionError(f"kariz-bench load: {self.process.returncode} {err[-500:]}")
        report = json.loads(out.splitlines()[-1])
        sums = Counter()
        for login in report["logins"]:
            for row in login["shares"]:
                for key in ("submitted", "accepted", "rejected", "unanswered"):
                    sums[key] += row[key]
        if sums["submitted"] != sums["accepted"] + sums["rejected"] + sums["unanswered"]:
            raise AssertionError(f"kariz-bench does not add up: {sums}")
        sums["codes"] = {r["code"]: r["count"] for r in report["shares"]["reject_codes"]}
        return sums

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
