"""Bitcoin's bytes as far as the tests need them: hashes, blocks, addresses, work.

Hashes are bytes in internal order; display() reverses for RPC and people.
"""

import hashlib
import struct
from fractions import Fraction

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
OP_TRUE = b"\x51"


def sha256(data):
    return hashlib.sha256(data).digest()


def sha256d(data):
    return sha256(sha256(data))


def display(hash_bytes):
    return hash_bytes[::-1].hex()


def from_display(text):
    return bytes.fromhex(text)[::-1]


# --- addresses (BIP173, witness version 0) ---------------------------------------------


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if (top >> i) & 1 else 0
    return check


def _five_bits(data):
    acc = bits = 0
    out = []
    for byte in data:
        acc, bits = acc << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            out.append(acc >> bits & 31)
    if bits:
        out.append(acc << (5 - bits) & 31)
    return out


def segwit_address(program, hrp="bcrt"):
    """The address of a version 0 witness program (20 bytes: P2WPKH, 32: P2WSH)."""
    data = [0] + _five_bits(program)
    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = _polymod(expanded + data + [0] * 6) ^ 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join(CHARSET[v] for v in data)


def segwit_script(program):
    return bytes([0, len(program)]) + program


def demo_program(name):
    """20 bytes that nobody has the key of, a different one for each name."""
    return sha256(name.encode())[:20]


def demo_address(name):
    return segwit_address(demo_program(name))


# --- numbers ---------------------------------------------------------------------------


def compact_size(n):
    if n < 0xFD:
        return bytes([n])
    if n <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", n)
    return b"\xfe" + struct.pack("<I", n)


def target_of_nbits(nbits):
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)


def target_of_difficulty(text):
    """floor((2^224 - 1) / d) of the decimal number as it stood on the wire."""
    return min(int((2**224 - 1) / Fraction(str(text))), 2**256 - 1)


def work_of_target(target, unit=1):
    return 2**256 // ((target + 1) * unit)


def work_of_difficulty(text, unit=1):
    return work_of_target(target_of_difficulty(text), unit)


def hash_number(hash_bytes):
    return int.from_bytes(hash_bytes, "little")


def script_number(height):
    """BIP34's push of the height."""
    if height == 0:
        return b"\x00"
    if height <= 16:
        return bytes([0x50 + height])
    body = b""
    while height:
        body += bytes([height & 0xFF])
        height >>= 8
    if body[-1] & 0x80:
        body += b"\x00"
    return bytes([len(body)]) + body


def push(data):
    """Onto the stack, up to 75 bytes."""
    return bytes([len(data)]) + data


# --- transactions and blocks -----------------------------------------------------------


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("cut short")
        self.at += n
        return self.data[self.at - n : self.at]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.take(8))[0]

    def size(self):
        first = self.take(1)[0]
        if first < 0xFD:
            return first
        return int.from_bytes(self.take({0xFD: 2, 0xFE: 4, 0xFF: 8}[first]), "little")


class Tx:
    """version, inputs [(prev hash, index, script, sequence)], outputs [(value, script)],
    witness [[items] an input], lock_time."""

    def __init__(self, inputs, outputs, witness=None, version=2, lock_time=0):
        self.inputs, self.outputs, self.version = inputs, outputs, version
        self.witness = witness or [[] for _ in inputs]
        self.lock_time = lock_time

    @classmethod
    def read(cls, r):
        version, witness = r.u32(), None
        count = r.size()
        segwit = count == 0
        if segwit:
            if r.take(1) != b"\x01":
                raise ValueError("bad segwit flag")
            count = r.size()
        inputs = []
        for _ in range(count):
            prev, index = r.take(32), r.u32()
            script = r.take(r.size())
            inputs.append((prev, index, script, r.u32()))
        outputs = []
        for _ in range(r.size()):
            value = r.u64()
            outputs.append((value, r.take(r.size())))
        if segwit:
            witness = [[r.take(r.size()) for _ in range(r.size())] for _ in inputs]
        return cls(inputs, outputs, witness, version, r.u32())

    def bytes(self, with_witness=True):
        segwit = with_witness and any(self.witness)
        out = struct.pack("<I", self.version) + (b"\x00\x01" if segwit else b"")
        out += compact_size(len(self.inputs))
        for prev, index, script, sequence in self.inputs:
            out += prev + struct.pack("<I", index) + compact_size(len(script)) + script
            out += struct.pack("<I", sequence)
        out += compact_size(len(self.outputs))
        for value, script in self.outputs:
            out += struct.pack("<Q", value) + compact_size(len(script)) + script
        if segwit:
            for items in self.witness:
                out += compact_size(len(items))
                out += b"".join(compact_size(len(i)) + i for i in items)
        return out + struct.pack("<I", self.lock_time)

    def txid(self):
        return sha256d(self.bytes(with_witness=False))

    def wtxid(self):
        return sha256d(self.bytes())


def merkle_root(leaves):
    level = list(leaves)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


class Block:
    def __init__(self, raw):
        r = Reader(raw)
        self.header = r.take(80)
        self.version, self.prev, self.root, self.time, self.nbits, self.nonce = (
            struct.unpack("<I32s32sIII", self.header)
        )
        self.txs = [Tx.read(r) for _ in range(r.size())]
        if r.at != len(raw):
            raise ValueError("bytes behind the block")

    def hash(self):
        return sha256d(self.header)

    def merkle_root(self):
        return merkle_root([tx.txid() for tx in self.txs])

    def witness_commitment(self):
        """What BIP141 asks the coinbase to carry, computed from the transactions."""
        root = merkle_root([bytes(32)] + [tx.wtxid() for tx in self.txs[1:]])
        return sha256d(root + self.txs[0].witness[0][0])

    def committed(self):
        """What the coinbase carries: the last output that looks like a commitment."""
        magic = bytes.fromhex("6a24aa21a9ed")
        found = [s for _, s in self.txs[0].outputs if s.startswith(magic) and len(s) >= 38]
        return found[-1][6:38] if found else None


def new_block(prev, height, time, nbits, txs, unique):
    """A whole block's bytes, its work done: quick where half of all hashes are blocks. Its
    coinbase claims nothing; `unique` makes it another than all before."""
    coinbase = Tx([(bytes(32), 0xFFFFFFFF, script_number(height) + push(unique), 0xFFFFFFFF)],
                  [(0, OP_TRUE)], [[bytes(32)]])
    root = merkle_root([bytes(32)] + [tx.wtxid() for tx in txs])
    commitment = sha256d(root + bytes(32))
    coinbase.outputs.append((0, bytes.fromhex("6a24aa21a9ed") + commitment))
    all_txs = [coinbase] + list(txs)
    start = struct.pack("<I32s32sII", 0x20000000, prev,
                        merkle_root([tx.txid() for tx in all_txs]), time, nbits)
    nonce = 0
    while hash_number(sha256d(start + struct.pack("<I", nonce))) > target_of_nbits(nbits):
        nonce += 1
    return (start + struct.pack("<I", nonce) + compact_size(len(all_txs))
            + b"".join(tx.bytes() for tx in all_txs))
