"""Plays the recorded handshakes of rigs/*.json to a karizd: see rigs/README.md."""

import glob
import json
import os
import re
import socket
import time

from lib import bitcoin
from lib.case import KarizTest
from lib.fakenode import FakeNode
from lib.karizd import listener
from lib.rig import Closed, Rig
from lib.wait import SCALE, wait_until

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rigs")
PATIENCE = 5  # seconds for anything that is expected
REPLY_KEYS = {"id", "result", "error"}

# The listeners a case may name, in the order of the settings.
REAL_LISTENERS = {
    "plain": listener(),
    "small_extranonce2": listener(extranonce2_size=4),
    "proxy": listener(proxy_protocol=True, proxy_peers=["127.0.0.0/8"]),
    "proxy_others": listener(proxy_protocol=True, proxy_peers=["192.0.2.0/24"]),
}
HARD_LISTENERS = {
    "plain": listener(difficulty=1e-6, minimum=1e-7, maximum=1e15),
    "market": listener(difficulty=1048576, minimum=500000, maximum=1e15),
    "floor": listener(difficulty=16, minimum=16, maximum=1e15),
}


class Mismatch(Exception):
    pass


def match(pattern, value, names, where="message"):
    """`value` fits `pattern`, or Mismatch. Captures go into `names`."""
    if isinstance(pattern, dict) and set(pattern) == {"any_of"}:
        for choice in pattern["any_of"]:
            try:
                return match(choice, value, names, where)
            except Mismatch:
                continue
        raise Mismatch(f"{where}: {value!r} fits none of {pattern['any_of']}")
    if isinstance(pattern, dict) and isinstance(value, dict):
        for key, part in pattern.items():
            if part == "absent":
                if key in value:
                    raise Mismatch(f"{where}.{key} should not be there")
                continue
            if key not in value:
                raise Mismatch(f"{where}.{key} is missing")
            match(part, value[key], names, f"{where}.{key}")
        return
    if isinstance(pattern, list) and isinstance(value, list):
        return match_list(pattern, value, names, where)
    if isinstance(pattern, str):
        return match_text(pattern, value, names, where)
    if type(pattern) is not type(value) or pattern != value:
        raise Mismatch(f"{where}: {value!r} instead of {pattern!r}")


def match_list(pattern, value, names, where):
    open_end = bool(pattern) and pattern[-1] == "..."
    parts = pattern[:-1] if open_end else pattern
    if len(value) < len(parts) or (len(value) > len(parts) and not open_end):
        raise Mismatch(f"{where}: {len(value)} elements: {value!r}")
    for i, part in enumerate(parts):
        match(part, value[i], names, f"{where}[{i}]")


def match_text(pattern, value, names, where):
    if pattern == "*":
        return
    if pattern.startswith("="):
        names[pattern[1:]] = value
    elif pattern.startswith("!$"):
        if value == names[pattern[2:]]:
            raise Mismatch(f"{where}: {value!r} again")
    elif pattern.startswith("$"):
        if value != names[pattern[1:]]:
            raise Mismatch(f"{where}: {value!r} instead of {names[pattern[1:]]!r}")
    elif len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        if not isinstance(value, str) or not re.search(pattern[1:-1], value):
            raise Mismatch(f"{where}: {value!r} does not fit {pattern}")
    elif pattern != value:
        raise Mismatch(f"{where}: {value!r} instead of {pattern!r}")


def match_error(pattern, error):
    """24, or [24, "/text/"]: and always in the form [code, text, null]."""
    if not (isinstance(error, list) and len(error) == 3 and isinstance(error[0], int)
            and isinstance(error[1], str) and error[2] is None):
        raise Mismatch(f"error is not [code, text, null]: {error!r}")
    if not error[1].isascii() or len(error[1]) > 120:
        raise Mismatch(f"error text is long or not ASCII: {error[1]!r}")
    if isinstance(pattern, list):
        match(pattern[1], error[1], {}, "error text")
        pattern = pattern[0]
    codes = pattern["any_of"] if isinstance(pattern, dict) else [pattern]
    if error[0] not in codes:
        raise Mismatch(f"error {error!r} instead of {codes}")


class Player:
    """Plays the steps of one case; do_<step> for each kind of step."""

    def __init__(self, test, karizd, listeners, node):
        self.test, self.karizd, self.node = test, karizd, node
        self.listeners = listeners
        self.names = {
            "alice_address": bitcoin.demo_address("alice"),
            "alice_address_upper": bitcoin.demo_address("alice").upper(),
        }
        self.rig = None
        self.pending = []  # messages that no step took yet, in order
        self.seen = []  # all messages
        self.lines = []
        self.shares = {}

    def play(self, case):
        self.do_connect(case.get("listener", "plain"))
        for number, step in enumerate(case["steps"], 1):
            try:
                for word, value in step.items():
                    if word not in ("note", "within"):
                        self.within = step.get("within", PATIENCE)
                        getattr(self, "do_" + word)(value)
            except (Mismatch, AssertionError, Closed, OSError) as e:
                raise AssertionError(
                    f"step {number} {json.dumps(step)[:200]}: {e}\n"
                    f"the last lines seen: {self.lines[-4:]}"
                ) from None

    # --- connection ---

    def do_connect(self, name):
        if self.rig:
            self.rig.close()
        index = list(self.listeners).index(name)
        self.rig = Rig(self.karizd.address(index))
        self.test.addCleanup(self.rig.close)
        self.pending, self.seen = [], []

    def do_finish(self, _):
        self.rig.socket.shutdown(socket.SHUT_WR)

    def do_closed(self, _):
        deadline = time.monotonic() + self.within * SCALE
        try:
            while time.monotonic() < deadline:
                self.receive(0.1)
        except Closed:
            return
        raise Mismatch("the pool did not close")

    def do_open(self, _):
        self.rig.send({"id": "still there?", "method": "mining.ping", "params": []})
        self.do_expect({"id": "still there?", "result": "pong"})

    # --- sending ---

    def text(self, text):
        def put(found):
            name, _, form = found.group(1).partition(":")
            value = self.names[name]
            if form == "upper":
                return value.upper()
            if form == "short":
                return value.lstrip("0") or "0"
            if form == "long":
                return "00" + value
            if form == "number":
                return str(int(value, 16))
            return str(value)

        return re.sub(r"\$\{([^}]+)\}", put, text)

    def do_send(self, packets):
        for packet in packets if isinstance(packets, list) else [packets]:
            self.rig.send_bytes(self.text(packet).encode())

    def do_lines(self, lines):
        self.do_send([line + "\n" for line in ([lines] if isinstance(lines, str) else lines)])

    def do_packet_of_lines(self, lines):
        self.do_send("".join(line + "\n" for line in lines))

    def do_bytes_one_by_one(self, text):
        for byte in self.text(text).encode():
            self.rig.send_bytes(bytes([byte]))

    def do_hex(self, packets):
        for packet in packets if isinstance(packets, list) else [packets]:
            self.rig.send_bytes(bytes.fromhex(packet))

    # --- seeing ---

    def receive(self, seconds):
        line = self.rig.read_line(seconds)
        if line is None:
            return False
        self.lines.append(line.decode(errors="replace"))
        if line.endswith(b"\r") or line != line.strip():
            raise Mismatch(f"white space around the line {line!r}")
        message = json.loads(line, parse_float=str)
        if "method" in message:
            self.rig._note(message["method"], message["params"])
        elif not REPLY_KEYS <= set(message):
            raise Mismatch(f"a reply without {REPLY_KEYS - set(message)}: {line!r}")
        result = message.get("result")
        if isinstance(result, list) and len(result) == 3 and isinstance(result[1], str):
            self.rig.extranonce1 = bytes.fromhex(result[1])
            self.rig.extranonce2_size = result[2]
        self.pending.append((message, len(line)))
        self.seen.append(message)
        return True

    def next_that(self, fits):
        deadline = time.monotonic() + self.within * SCALE
        looked_at = 0
        while True:
            for i in range(looked_at, len(self.pending)):
                if fits(self.pending[i][0]):
                    return self.pending.pop(i)
            looked_at = len(self.pending)
            if not self.receive(max((deadline - time.monotonic()) / SCALE, 0)):
                raise Mismatch("did not come")

    def check(self, pattern, message, size=0):
        pattern = dict(pattern)
        if size > pattern.pop("max_bytes", 1 << 20):
            raise Mismatch(f"the line has {size} bytes")
        if "id" in pattern and isinstance(pattern.get("error"), (int, list, dict)):
            match_error(pattern.pop("error"), message["error"])
            pattern.setdefault("result", {"any_of": [None, False]})
        elif "id" in pattern and "result" in pattern:
            pattern.setdefault("error", None)
        match(pattern, message, self.names)

    def do_expect(self, pattern):
        if "method" in pattern:
            def fits(m):
                return m.get("method") == pattern["method"]
        else:
            wanted = pattern["id"]
            wanted = wanted["any_of"] if isinstance(wanted, dict) else [wanted]

            def fits(m):
                return "method" not in m and any(
                    m.get("id") == w and type(m.get("id")) is type(w) for w in wanted)
        message, size = self.next_that(fits)
        self.check(pattern, message, size)

    def do_reply(self, pair):
        """[id, result]: short for an expected good reply."""
        self.do_expect({"id": pair[0], "result": pair[1]})

    def do_error(self, pair):
        """[id, code] or [id, code, "/text/"]."""
        self.do_expect({"id": pair[0], "error": pair[1] if len(pair) == 2 else pair[1:]})

    def do_order(self, patterns):
        """The next messages are exactly these, in this order."""
        for pattern in patterns:
            message, size = self.next_that(lambda m: True)
            self.check(pattern, message, size)

    def do_in_turn(self, patterns):
        """These come in this order; others may come between them."""
        for pattern in patterns:
            while True:
                message, size = self.next_that(lambda m: True)
                try:
                    self.check(pattern, message, size)
                    break
                except (Mismatch, KeyError):
                    continue

    def do_silence_ms(self, milliseconds):
        if self.receive(milliseconds / 1000):
            raise Mismatch(f"not silent: {self.lines[-1]}")

    def do_never(self, method):
        while self.receive(0.05):
            pass
        if any(m.get("method") == method for m in self.seen):
            raise Mismatch(f"{method} came")

    def do_forget(self, _):
        """Drops what has come so far, so that the next steps look at what is new."""
        self.do_open(True)
        self.pending = []

    def do_raw(self, pattern):
        """All bytes until the pool closes fit the expression."""
        data, deadline = self.rig.buffer, time.monotonic() + self.within * SCALE
        while True:
            self.rig.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                part = self.rig.socket.recv(65536)
            except ConnectionError:
                break
            if not part:
                break
            data += part
        text = data.decode("latin-1")
        self.lines.append(text)
        if not re.search(pattern, text, re.S):
            raise Mismatch(f"{text!r} does not fit {pattern!r}")

    # --- mining ---

    def do_handshake(self, login):
        """The plainest rig's start, up to a job."""
        login, _, password = login.partition(" ")
        self.do_lines([
            '{"id":"hs1","method":"mining.subscribe","params":["test-rig/1"]}',
            '{"id":"hs2","method":"mining.authorize","params":["%s","%s"]}'
            % (login, password or "x"),
        ])
        self.do_expect({"id": "hs1", "result": ["*", "=extranonce1", "*"]})
        self.do_expect({"id": "hs2", "result": True})
        self.do_job(True)
        self.do_forget(True)

    def do_job(self, _):
        """Waits for a job, if none is there."""
        deadline = time.monotonic() + self.within * SCALE
        while self.rig.job is None and time.monotonic() < deadline:
            self.receive(0.1)
        if self.rig.job is None:
            raise Mismatch("no job came")

    def do_mine(self, how):
        """Finds a share and names its parts: job, en2, ntime, nonce, bits, version."""
        how = {"kind": how} if isinstance(how, str) else dict(how)
        while self.receive(0.01):
            pass
        job = self.rig.job
        if how.pop("same_job", False):
            job = self.last.job
        if "difficulty" in how:
            how["share_target"] = bitcoin.target_of_difficulty(how.pop("difficulty"))
        if "harder_than" in how:
            how.pop("harder_than")
        if "ntime_after_job" in how:
            how["ntime"] = int(job.ntime, 16) + how.pop("ntime_after_job")
        if "ntime_after_now" in how:
            how["ntime"] = int(time.time()) + how.pop("ntime_after_now")
        for key in ("bits", "nonce_from"):
            if key in how:
                how[key] = int(how[key], 16)
        if "extranonce2" in how:
            how["extranonce2"] = bytes.fromhex(how["extranonce2"])
        self.last = share = self.rig.find(job=job, **how)
        version = int.from_bytes(share.header[:4], "little")
        self.names.update(
            job=share.job.id, en2=share.extranonce2.hex(), ntime=share.ntime,
            nonce=share.nonce, bits="%08x" % (share.bits or 0), version="%08x" % version,
        )

    def do_prevhash_is_tip(self, _):
        tip = self.node.tip()
        wait_until(lambda: self.receive(0.05) or self.rig.job.prev_display() == tip, 10,
                   "the job builds on the node's tip")

    def do_coinbase_below(self, size):
        job = self.rig.job
        total = (len(job.coinb1) + len(job.coinb2)) // 2 + 12
        if total >= size:
            raise Mismatch(f"the coinbase has {total} bytes")

    def do_tip_is_ours(self, _):
        found = bitcoin.display(self.last.hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node took the block")

    def do_node(self, action):
        if action == "block":
            self.node.generate(1)
        elif action == "transaction":
            self.node.fill_template(1)
        elif action == "new_tip":
            self.node.new_tip()
        else:
            raise Mismatch("unknown action of the node")

    # --- looking from the operator's side ---

    def do_counter(self, expected):
        for name, value in expected.items():
            wait_until(lambda: self.karizd.status()["stratum"].get(name) == value, 5,
                       f"{name} is {value}")

    def do_worker(self, name):
        wait_until(lambda: self.has_worker(name), 5, f"worker {name} is listed")

    def do_worker_address(self, pair):
        """[login, address] as the operator sees a live session."""
        miner, _, worker = pair[0].partition(".")

        def shown():
            rows = [r for r in self.karizd.ask("workers", miner) if r["worker"] == worker]
            live = rows[0]["sessions"] if rows else []
            return any(s["address"].startswith(pair[1]) for s in live)
        wait_until(shown, 5, f"{pair[0]} is seen at {pair[1]}")

    def do_no_worker(self, name):
        if self.has_worker(name):
            raise Mismatch(f"worker {name} is listed")

    def has_worker(self, name):
        miner, _, worker = name.partition(".")
        return worker in json.dumps(self.karizd.ask("workers", miner))


def load_cases():
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.json"))):
        with open(path) as f:
            document = json.load(f)
        for case in document["cases"]:
            yield os.path.basename(path)[:-5], case


def words(title):
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


class RecordedHandshakes(KarizTest):
    miners = ("alice", "bob", "carol")
    settings = {"stratum": {"listen": list(REAL_LISTENERS.values())}}

    def play(self, case):
        Player(self, self.karizd, REAL_LISTENERS, self.node).play(case)


class RecordedDifficulties(KarizTest):
    """Cases whose shares must not be blocks: the node is a fake one with mainnet's bits."""

    miners = ("alice", "bob", "carol")
    settings = {
        "stratum": {
            "listen": list(HARD_LISTENERS.values()),
            "vardiff": {"minimum": 1e-7, "maximum": 1e15},
        }
    }

    @classmethod
    def make_nodes(cls):
        node = FakeNode().start()
        node.changes = {"version": 0x20002000}
        cls.addClassCleanup(node.stop)
        return [node]

    def play(self, case):
        Player(self, self.karizd, HARD_LISTENERS, self.node).play(case)


def add_tests():
    taken = set()
    for file, case in load_cases():
        where = RecordedDifficulties if case.get("pool") == "hard" else RecordedHandshakes
        name = f"test_{file}_{words(case['title'])}"
        assert name not in taken, name
        taken.add(name)
        setattr(where, name, lambda self, case=case: self.play(case))


add_tests()
