"""A full node in regtest: bitcoind where there is one, else bcoin.

Both have segwit active on a copy of one base chain that is made once, with coins that
anybody may spend (P2WSH of OP_TRUE), so transactions need no keys and no wallet.
"""

import base64
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from . import bitcoin, processes
from .wait import wait_until

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
ANYBODY = bitcoin.sha256(bitcoin.OP_TRUE)  # the witness program of script OP_TRUE
MATURITY = 100
SUBSIDY_SPAN = 150  # blocks, on regtest


def bitcoind_path():
    return os.environ.get("KARIZ_BITCOIND") or shutil.which("bitcoind")


def bcoin_path():
    path = os.environ.get("KARIZ_BCOIN") or os.path.join(
        ROOT, "build/bcoin/node_modules/bcoin/bin/node"
    )
    return path if os.path.exists(path) and shutil.which("node") else None


def is_available():
    return bool(bitcoind_path() or bcoin_path())


def free_port():
    """A port that was free a moment ago: the nodes cannot be told to choose one."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error)
        self.code, self.message = error.get("code"), error.get("message")


class Node:
    """start(), stop(), kill(), rpc(); files in a temporary folder of its own."""

    kind = None
    hrp = "bcrt"
    base_blocks = 130
    blocks_mined = 0  # by mine(), so that no two coinbases are the same
    extra = ()  # words of the command line, from the next start on

    def __init__(self, folder=None, base=True):
        self.folder = folder or tempfile.mkdtemp(prefix="kariz-node-")
        self.owns_folder = folder is None
        self.rpc_port = self.p2p_port = 0
        self.process = None
        self.next_coin = 1
        if base:
            copy_base_chain(type(self), self.folder)

    # What differs: command(), credentials() -> (user, password), settings().

    def start(self):
        self.rpc_port = self.rpc_port or free_port()
        self.p2p_port = self.p2p_port or free_port()
        log = open(os.path.join(self.folder, "stdout"), "ab")
        # bcoin's compiled parts are not installed (conf/install-packages).
        env = {**os.environ, "NODE_BACKEND": "js"}
        self.process = processes.start(self.command(), stdout=log, stderr=log, env=env)
        log.close()
        wait_until(self._answers, 60, f"{self.kind} answers")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.kind} ended: {self.output()[-2000:]}")
        try:
            self.rpc("getblockcount")
            return True
        except (OSError, RpcError, http.client.HTTPException, ValueError):
            return False

    def output(self):
        with open(os.path.join(self.folder, "stdout"), errors="replace") as f:
            return f.read()

    def rpc(self, method, *params, timeout=60):
        user, password = self.credentials()
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.rpc_port, timeout=timeout)
        try:
            connection.request(
                "POST",
                "/",
                json.dumps({"id": 1, "method": method, "params": list(params)}),
                {"Authorization": "Basic " + token, "Content-Type": "application/json"},
            )
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer.get("error"):
            raise RpcError(answer["error"])
        return answer["result"]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self):
        self.flush()
        self.process.kill()
        self.process.wait()
        self.process = None

    def flush(self):
        """What a test may not lose by a kill, since there is no peer to get it from."""

    def remove(self):
        self.stop()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.rpc_port}"

    # --- the chain ---

    @property
    def height(self):
        return self.rpc("getblockcount")

    def tip(self):
        return self.rpc("getbestblockhash")

    def generate(self, count=1):
        """Blocks to anybody's script. In portions: an answer must come in time."""
        address = bitcoin.segwit_address(ANYBODY, self.hrp)
        hashes = []
        while count > 0:
            step = min(count, 50)
            hashes += self.rpc("generatetoaddress", step, address)
            count -= step
        return hashes

    def generate_with(self, *txs):
        """A block with these transactions alone, whatever the mempool's rules say of them."""
        template = self.rpc("getblocktemplate", {"rules": ["segwit"]})
        root = bitcoin.merkle_root([bytes(32)] + [tx.wtxid() for tx in txs])
        commitment = b"\x6a\x24\xaa\x21\xa9\xed" + bitcoin.sha256d(root + bytes(32))
        coinbase = bitcoin.Tx(
            [(bytes(32), 0xFFFFFFFF, bitcoin.script_number(template["height"]) + b"\x00", 0xFFFFFFFF)],
            [(50 * 10**8 >> template["height"] // SUBSIDY_SPAN, bitcoin.segwit_script(ANYBODY)),
             (0, commitment)], [[bytes(32)]])
        block = [coinbase, *txs]
        head = (struct.pack("<I", template["version"])
                + bitcoin.from_display(template["previousblockhash"])
                + bitcoin.merkle_root([tx.txid() for tx in block])
                + struct.pack("<II", template["curtime"], int(template["bits"], 16)))
        target = bitcoin.target_of_nbits(int(template["bits"], 16))
        nonce = next(n for n in range(1 << 32) if bitcoin.hash_number(
            bitcoin.sha256d(head + struct.pack("<I", n))) <= target)
        raw = head + struct.pack("<I", nonce) + bitcoin.compact_size(len(block))
        raw += b"".join(tx.bytes() for tx in block)
        answer = self.rpc("submitblock", raw.hex())
        if answer is not None:
            raise AssertionError(f"{self.kind} refused a block: {answer}")
        return bitcoin.display(bitcoin.Block(raw).hash())

    def generate_to(self, height):
        missing = height - self.height
        return self.generate(missing) if missing > 0 else []

    def block(self, block_hash):
        return bitcoin.Block(bytes.fromhex(self.rpc("getblock", block_hash, 0)))

    def block_at(self, height):
        return self.block(self.rpc("getblockhash", height))

    def mine(self, txs=(), parent=None):
        """One block made here: of these transactions (hex) and no others, on `parent`, the
        tip if it is not given. So a test says what miners take, and which chain is the
        longest. Its hash."""
        parent = self.rpc("getblockheader", parent or self.tip())
        Node.blocks_mined += 1
        unique = struct.pack("<I", Node.blocks_mined)
        nbits = parent["bits"]
        nbits = nbits if isinstance(nbits, int) else int(nbits, 16)
        block = bitcoin.new_block(
            bitcoin.from_display(parent["hash"]), parent["height"] + 1,
            max(parent["time"], parent["mediantime"]) + 1, nbits,
            [bitcoin.Tx.read(bitcoin.Reader(bytes.fromhex(tx))) for tx in txs], unique)
        answer = self.rpc("submitblock", block.hex())
        if answer not in (None, "inconclusive"):
            raise AssertionError(f"the node refused a block: {answer}")
        return bitcoin.display(bitcoin.sha256d(block[:80]))

    def mine_branch(self, fork, count, txs=()):
        """`count` blocks on the block `fork`, `txs` in the first: the longest chain."""
        found = [self.mine(txs, fork)]
        while len(found) < count:
            found.append(self.mine((), found[-1]))
        wait_until(lambda: self.tip() == found[-1], 20, "the node has reorganised")
        return found

    def fill_mempool(self, count=3, fee=10000, padding=0):
        """Sends `count` transactions with witnesses, each with an output of `padding` bytes
        of nothing if that is not 0; returns their txids (display)."""
        # One node counts the bytes, the other the operations.
        pads = [(0, b"\x6a" + bytes(padding))] if padding else []
        txids = []
        while len(txids) < count:
            coin = self.block_at(self.next_coin).txs[0]
            self.next_coin += 1
            if self.next_coin + MATURITY > self.height:
                self.generate(1)
            value, script = coin.outputs[0]
            if script != bitcoin.segwit_script(ANYBODY):
                continue
            tx = bitcoin.Tx(
                [(coin.txid(), 0, b"", 0xFFFFFFFE)],
                [(value - fee, bitcoin.segwit_script(ANYBODY)), *pads],
                [[bitcoin.OP_TRUE]],
            )
            txids.append(self.rpc("sendrawtransaction", tx.bytes().hex()))
        wait_until(lambda: set(txids) <= set(self.mempool()), 10, "mempool has them")
        return txids

    def fill_template(self, count=1):
        """As fill_mempool(), until the node's template has as many; all txids sent. Nodes
        make a new template only seconds after the last, one of them only at the next
        transaction."""
        txids = self.fill_mempool(count)
        asked = time.monotonic()

        def is_in():
            nonlocal asked
            template = self.rpc("getblocktemplate", {"rules": ["segwit"]})
            if len(template["transactions"]) >= count:
                return True
            if time.monotonic() > asked + 2:
                asked = time.monotonic()
                txids.extend(self.fill_mempool(1))
            return False

        wait_until(is_in, 30, "the template has the transactions", every=0.2)
        return txids

    def mempool(self):
        return self.rpc("getrawmempool")


class Bitcoind(Node):
    kind = "bitcoind"

    def command(self):
        return [
            bitcoind_path(),
            "-regtest",
            f"-datadir={self.folder}",
            f"-rpcport={self.rpc_port}",
            f"-bind=127.0.0.1:{self.p2p_port}",
            "-listen=1",
            "-discover=0",
            "-dnsseed=0",
            "-fixedseeds=0",
            "-listenonion=0",
            "-maxtipage=100000000",
            "-printtoconsole=1",
            # A long poll whose client has gone holds its thread until the next block.
            "-rpcthreads=100",
            "-rpcworkqueue=200",
            "-fallbackfee=0.0001",
            *self.extra,
        ]

    @property
    def cookie_file(self):
        return os.path.join(self.folder, "regtest/.cookie")

    def flush(self):
        try:
            self.rpc("gettxoutsetinfo", "none", timeout=10)  # writes all out first
        except (OSError, RpcError, http.client.HTTPException):
            pass

    def credentials(self):
        with open(self.cookie_file) as f:
            return f.read().strip().split(":", 1)

    def settings(self):
        return {"url": self.url, "cookie_file": self.cookie_file}

    def connect_to(self, other):
        self.rpc("addnode", f"127.0.0.1:{other.p2p_port}", "onetry")


class Bcoin(Node):
    kind = "bcoin"
    hrp = "rb"  # this node's own idea of regtest; the scripts are the same
    base_blocks = 440  # segwit is active from 432
    password = "key-of-the-tests-node"

    def command(self):
        return [
            "node",
            bcoin_path(),
            "--network=regtest",
            f"--prefix={self.folder}",
            f"--http-port={self.rpc_port}",
            f"--port={self.p2p_port}",
            "--host=127.0.0.1",
            f"--api-key={self.password}",
            "--no-wallet",
            "--workers=false",
            "--log-level=info",
            "--log-file=false",
            *self.extra,
        ]

    def credentials(self):
        return "rpc", self.password

    def settings(self):
        path = os.path.join(self.folder, "password")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(self.password + "\n")
        return {"url": self.url, "user": "rpc", "password_file": path}

    def connect_to(self, other):
        self.rpc("addnode", f"127.0.0.1:{other.p2p_port}", "add")


def node_class():
    if bitcoind_path():
        return Bitcoind
    if bcoin_path():
        return Bcoin
    raise AssertionError("no node: neither bitcoind nor bcoin is installed")


def new_node(**kwargs):
    return node_class()(**kwargs)


# --- the base chain: made once, copied for each node -----------------------------------

CACHE = os.path.join(ROOT, "build/functional")
CACHE_SECONDS = 3600


def copy_base_chain(cls, folder):
    base = os.path.join(CACHE, "base-" + cls.kind)
    os.makedirs(CACHE, exist_ok=True)
    with open(base + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = os.path.join(base, "done")
        if not (os.path.exists(done) and time.time() - os.path.getmtime(done) < CACHE_SECONDS):
            _make_base_chain(cls, base)
        shutil.copytree(base, folder, dirs_exist_ok=True, ignore=_not_to_copy)


def _make_base_chain(cls, base):
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(base)
    node = cls(folder=base, base=False)
    try:
        node.start()
        node.generate(cls.base_blocks)
    finally:
        node.stop()
    open(os.path.join(base, "done"), "w").close()


def _not_to_copy(folder, names):
    return [n for n in names if n in ("done", "stdout", ".cookie", ".lock", "debug.log")]
