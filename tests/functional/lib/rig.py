"""A Stratum V1 rig that shares no code with the pool: raw lines, own hashing.

It sees what a rig sees: it builds the coinbase from coinb1, extranonces and coinb2,
folds the branch, assembles the header and hashes it with hashlib.
"""

import json
import socket
import struct
import time

from . import bitcoin
from .wait import SCALE


class Closed(Exception):
    """The pool closed the connection."""


class Job:
    def __init__(self, params, difficulty):
        (self.id, self.prevhash, self.coinb1, self.coinb2, self.branch, self.version,
         self.nbits, self.ntime, self.clean) = params
        self.difficulty = difficulty  # in force when it came

    def header(self, extranonce, version, ntime, nonce):
        coinbase = bytes.fromhex(self.coinb1) + extranonce + bytes.fromhex(self.coinb2)
        node = bitcoin.sha256d(coinbase)
        for step in self.branch:
            node = bitcoin.sha256d(node + bytes.fromhex(step))
        words = bytes.fromhex(self.prevhash)
        prev = b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4))
        return (
            struct.pack("<I", version) + prev + node
            + struct.pack("<III", ntime, int(self.nbits, 16), nonce)
        )

    def prev_display(self):
        words = bytes.fromhex(self.prevhash)
        return bitcoin.display(b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4)))

    def network_target(self):
        return bitcoin.target_of_nbits(int(self.nbits, 16))


class Share:
    """What was found and how it is said on the wire."""

    def __init__(self, job, extranonce2, ntime, nonce, bits, header):
        self.job, self.extranonce2, self.bits, self.header = job, extranonce2, bits, header
        self.ntime, self.nonce = "%08x" % ntime, "%08x" % nonce
        self.hash = bitcoin.sha256d(header)
        self.number = bitcoin.hash_number(self.hash)

    def params(self, login):
        out = [login, self.job.id, self.extranonce2.hex(), self.ntime, self.nonce]
        return out + ["%08x" % self.bits] if self.bits is not None else out


class Rig:
    def __init__(self, address, tls=None, preface=b"", family=None, timeout=10):
        """`tls`: an ssl.SSLContext. `preface`: bytes before anything else (PROXY)."""
        self.timeout = timeout * SCALE
        self.socket = socket.create_connection(address, timeout=self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if preface:
            self.socket.sendall(preface)
        self.tls = tls
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self.notes = []  # notifications not looked at yet
        self.replies = {}
        self.next_id = 1
        self.next_extranonce2 = 0
        self.difficulty = self.job = None
        self.jobs = []
        self.mask = 0
        self.login = None

    # --- bytes ---

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def read_line(self, seconds=None):
        """The next line, or None at the deadline. Closed when the pool hung up."""
        deadline = time.monotonic() + (self.timeout if seconds is None else seconds * SCALE)
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(max(left, 0.001))
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                return None
            except ConnectionError as e:
                raise Closed(str(e))
            if not data:
                raise Closed("closed by the pool")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def read(self, seconds=None):
        """The next message, after taking in what it tells a rig; None at the deadline."""
        line = self.read_line(seconds)
        if line is None:
            return None
        message = json.loads(line, parse_float=str)
        if "method" in message:
            self._note(message["method"], message["params"])
        return message

    def _note(self, method, params):
        if method == "mining.set_difficulty":
            self.difficulty = str(params[0])
        elif method == "mining.notify":
            self.job = Job(params, self.difficulty)
            if self.job.clean:
                self.jobs.clear()
            self.jobs.append(self.job)
        elif method == "mining.set_version_mask":
            self.mask = int(params[0], 16)
        elif method == "mining.set_extranonce":
            self.extranonce1, self.extranonce2_size = bytes.fromhex(params[0]), params[1]

    # --- messages ---

    def start_call(self, method, *params):
        self.next_id += 1
        self.send({"id": self.next_id, "method": method, "params": list(params)})
        return self.next_id

    def finish_call(self, call_id, seconds=None):
        deadline = time.monotonic() + (self.timeout if seconds is None else seconds * SCALE)
        while call_id not in self.replies:
            left = (deadline - time.monotonic()) / SCALE
            message = self.read(max(left, 0))
            if message is None:
                raise AssertionError(f"no reply to request {call_id}")
            if "method" in message:
                self.notes.append(message)
            else:
                self.replies[message["id"]] = message
        return self.replies.pop(call_id)

    def call(self, method, *params):
        return self.finish_call(self.start_call(method, *params))

    def wait_note(self, method, seconds=None):
        """The oldest notification of that method not looked at yet."""
        deadline = time.monotonic() + (self.timeout if seconds is None else seconds * SCALE)
        while True:
            for i, note in enumerate(self.notes):
                if note["method"] == method:
                    return self.notes.pop(i)
            message = self.read(max((deadline - time.monotonic()) / SCALE, 0))
            if message is None:
                raise AssertionError(f"no {method} came")
            if "method" in message:
                self.notes.append(message)
            else:
                self.replies[message["id"]] = message

    def wait_closed(self, seconds=5):
        """What still came until the pool hung up."""
        seen, deadline = [], time.monotonic() + seconds * SCALE
        try:
            while time.monotonic() < deadline:
                line = self.read_line(max((deadline - time.monotonic()) / SCALE, 0))
                if line is not None:
                    seen.append(line)
        except Closed:
            return seen
        raise AssertionError(f"not closed within {seconds} s; came: {seen[-3:]}")

    def settle(self):
        """Takes in what has arrived already: everything before the reply to a ping."""
        self.call("mining.ping")

    # --- the handshake ---

    def subscribe(self, *params):
        result = self.call("mining.subscribe", *(params or ("test-rig/1",)))["result"]
        self.sid = result[0][0][1]
        self.extranonce1, self.extranonce2_size = bytes.fromhex(result[1]), result[2]
        return result

    def authorize(self, login, password="x"):
        reply = self.call("mining.authorize", login, password)
        if reply["result"] is True:
            self.login = login
        return reply

    def configure(self, mask="1fffe000"):
        reply = self.call(
            "mining.configure", ["version-rolling"],
            {"version-rolling.mask": mask, "version-rolling.min-bit-count": 2},
        )
        self.mask = int(reply["result"]["version-rolling.mask"], 16)
        return reply

    def ready(self, login, password="x"):
        """subscribe, authorize, and a job: what tests mostly start from."""
        self.subscribe()
        reply = self.authorize(login, password)
        assert reply["result"] is True, reply
        self.settle()
        if self.job is None:
            self.wait_note("mining.notify")
        return self

    # --- work ---

    def find(self, job=None, kind="share", bits=None, ntime=None, extranonce2=None,
             share_target=None, nonce_from=0):
        """A share of a kind: `share` (meets the share's target, is no block), `block`,
        `any` (meets the share's target), `low` (misses it), `between` (meets the easier
        of the two targets that people call by the same difficulty, misses the harder)."""
        job = job or self.job
        if extranonce2 is None:
            self.next_extranonce2 += 1
            extranonce2 = self.next_extranonce2.to_bytes(self.extranonce2_size, "big")
        target = share_target or bitcoin.target_of_difficulty(job.difficulty)
        network = job.network_target()
        version = int(job.version, 16)
        if bits is not None:
            mask = self.mask or 0x1FFFE000
            version = version & ~mask | bits & mask
        at = int(job.ntime, 16) if ntime is None else ntime
        start = job.header(self.extranonce1 + extranonce2, version, at, 0)[:76]
        harder = target * 0xFFFF // 0x10000
        for nonce in range(nonce_from, 1 << 32):
            header = start + struct.pack("<I", nonce)
            number = bitcoin.hash_number(bitcoin.sha256d(header))
            if kind == "low":
                fits = number > target
            elif kind == "block":
                fits = number <= network
            elif kind == "share":
                fits = network < number <= target
            elif kind == "between":
                fits = harder < number <= target
            else:
                fits = number <= target
            if fits:
                return Share(job, extranonce2, at, nonce, bits, header)
        raise AssertionError(f"no {kind} found: is the difficulty right?")

    def submit(self, share, login=None):
        return self.call("mining.submit", *share.params(login or self.login))

    def mine(self, kind="share", **how):
        """Finds and submits; the share, which must have been accepted."""
        share = self.find(kind=kind, **how)
        reply = self.submit(share)
        if reply["result"] is not True:
            raise AssertionError(f"share refused: {reply}")
        return share
