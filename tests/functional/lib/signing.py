"""Signatures in plain Python, so that karizd's are checked by somebody else's arithmetic.

secp256k1, ECDSA (RFC 6979, low S, low R), BIP340, taproot tweaks, addresses of single
keys, and proofs of ownership: BIP322 and "Bitcoin Signed Message". Slow and not constant
in time: for tests alone.

Private keys are numbers, public keys points (x, y), scripts and digests bytes.
"""

import base64
import hashlib
import hmac
import struct

from . import bitcoin
from .bitcoin import CHARSET, _five_bits, _polymod, compact_size, sha256, sha256d

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
SIGHASH_ALL = 1
SIGHASH_DEFAULT = 0

# prefix of bech32, version bytes of P2PKH and P2SH
NETWORKS = {"main": ("bc", 0x00, 0x05), "test": ("tb", 0x6F, 0xC4), "regtest": ("bcrt", 0x6F, 0xC4)}


# --- the curve; None is the point at infinity ------------------------------------------


def point_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point_multiply(k, point=G):
    total = None
    for bit in bin(k)[2:]:
        total = point_add(total, total)
        if bit == "1":
            total = point_add(total, point)
    return total


def lift_x(x):
    """The point with that x and an even y."""
    y = pow(x**3 + 7, (P + 1) // 4, P)
    if x >= P or y * y % P != (x**3 + 7) % P:
        raise ValueError("not on the curve")
    return x, y if y % 2 == 0 else P - y


def number(data):
    return int.from_bytes(data, "big")


def bytes32(n):
    return n.to_bytes(32, "big")


# --- keys ------------------------------------------------------------------------------


def private_key(name):
    """A different one for each name, known to everybody."""
    return number(sha256(b"kariz test key " + name.encode())) % (N - 1) + 1


def public_key(key, compressed=True):
    x, y = point_multiply(key)
    if compressed:
        return bytes([2 + y % 2]) + bytes32(x)
    return b"\x04" + bytes32(x) + bytes32(y)


def x_only(key):
    return bytes32(point_multiply(key)[0])


def tagged_hash(tag, data):
    prefix = sha256(tag.encode())
    return sha256(prefix + prefix + data)


def taproot_output_key(internal, root=b""):
    """BIP341: x of the output key, from x of the internal one."""
    tweak = number(tagged_hash("TapTweak", internal + root))
    return bytes32(point_add(lift_x(number(internal)), point_multiply(tweak))[0])


def taproot_private_key(key, root=b""):
    x, y = point_multiply(key)
    even = key if y % 2 == 0 else N - key
    return (even + number(tagged_hash("TapTweak", bytes32(x) + root))) % N


# --- signatures ------------------------------------------------------------------------


def _rfc6979(key, digest, extra):
    """The nonces of RFC 6979 section 3.2, one after the other."""

    def mac(k, data):
        return hmac.new(k, data, hashlib.sha256).digest()

    seed = bytes32(key) + bytes32(number(digest) % N) + extra
    v, k = b"\x01" * 32, bytes(32)
    for separator in (b"\x00", b"\x01"):
        k = mac(k, v + separator + seed)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        if 0 < number(v) < N:
            yield number(v)
        k = mac(k, v + b"\x00")
        v = mac(k, v)


def _ecdsa_once(key, digest, extra):
    for nonce in _rfc6979(key, digest, extra):
        point = point_multiply(nonce)
        r = point[0] % N
        s = pow(nonce, -1, N) * (number(digest) + r * key) % N
        if r == 0 or s == 0:
            continue
        recid = point[1] % 2 + 2 * (point[0] >= N)
        return (r, s, recid) if s <= N // 2 else (r, N - s, recid ^ 1)


def ecdsa_sign(key, digest, low_r=True):
    """(r, s, recid): s is low; with `low_r` the top bit of r is clear, by a counter that
    goes in as further entropy."""
    counter, extra = 0, b""
    while True:
        r, s, recid = _ecdsa_once(key, digest, extra)
        if not low_r or r < 2**255:
            return r, s, recid
        counter += 1
        extra = struct.pack("<I", counter) + bytes(28)


def der(r, s):
    def integer(n):
        body = n.to_bytes(n.bit_length() // 8 + 1, "big")
        return b"\x02" + bytes([len(body)]) + body

    body = integer(r) + integer(s)
    return b"\x30" + bytes([len(body)]) + body


def ecdsa_der(key, digest, hash_type=SIGHASH_ALL):
    """As a script or a witness has it, with the type of its hash."""
    r, s, _ = ecdsa_sign(key, digest)
    return der(r, s) + bytes([hash_type])


def ecdsa_verify(public, digest, r, s):
    """`public` is a point."""
    if not (0 < r < N and 0 < s < N):
        return False
    w = pow(s, -1, N)
    point = point_add(point_multiply(number(digest) * w % N), point_multiply(r * w % N, public))
    return point is not None and point[0] % N == r


def schnorr_sign(key, message, aux=bytes(32)):
    """BIP340."""
    point = point_multiply(key)
    d = key if point[1] % 2 == 0 else N - key
    x = bytes32(point[0])
    masked = bytes32(d ^ number(tagged_hash("BIP0340/aux", aux)))
    nonce = number(tagged_hash("BIP0340/nonce", masked + x + message)) % N
    commitment = point_multiply(nonce)
    k = nonce if commitment[1] % 2 == 0 else N - nonce
    r = bytes32(commitment[0])
    e = number(tagged_hash("BIP0340/challenge", r + x + message)) % N
    return r + bytes32((k + e * d) % N)


def schnorr_verify(x, message, signature):
    r, s = number(signature[:32]), number(signature[32:])
    if r >= P or s >= N:
        return False
    try:
        public = lift_x(number(x))
    except ValueError:
        return False
    e = number(tagged_hash("BIP0340/challenge", signature[:32] + x + message)) % N
    point = point_add(point_multiply(s), point_multiply(N - e, public))
    return point is not None and point[1] % 2 == 0 and point[0] == r


# --- scripts and addresses -------------------------------------------------------------


def hash160(data):
    return hashlib.new("ripemd160", sha256(data)).digest()


def p2pkh_script(public):
    return b"\x76\xa9\x14" + hash160(public) + b"\x88\xac"


def p2wpkh_script(public):
    return b"\x00\x14" + hash160(public)


def p2sh_script(redeem):
    return b"\xa9\x14" + hash160(redeem) + b"\x87"


def p2tr_script(output_key):
    return b"\x51\x20" + output_key


def script_of(key, kind):
    """kind: p2pkh, p2sh_p2wpkh, p2wpkh or p2tr (BIP86: without a tree)."""
    public = public_key(key)
    if kind == "p2pkh":
        return p2pkh_script(public)
    if kind == "p2sh_p2wpkh":
        return p2sh_script(p2wpkh_script(public))
    if kind == "p2wpkh":
        return p2wpkh_script(public)
    if kind == "p2tr":
        return p2tr_script(taproot_output_key(x_only(key)))
    raise ValueError(kind)


KINDS = ("p2pkh", "p2sh", "p2wpkh", "p2wsh", "p2tr")


def demo_script(name, kind):
    """That nobody has a key of, a different one for each name. A taproot key has to be on
    the curve."""
    data = sha256(name.encode())
    if kind == "p2pkh":
        return b"\x76\xa9\x14" + data[:20] + b"\x88\xac"
    if kind == "p2sh":
        return b"\xa9\x14" + data[:20] + b"\x87"
    if kind == "p2wpkh":
        return b"\x00\x14" + data[:20]
    if kind == "p2wsh":
        return b"\x00\x20" + data
    while True:
        try:
            lift_x(number(data))
            return p2tr_script(data)
        except ValueError:
            data = sha256(data)


def base58check(payload):
    data = payload + sha256d(payload)[:4]
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    n, text = number(data), ""
    while n:
        n, rest = divmod(n, 58)
        text = alphabet[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + text


def segwit_address(version, program, hrp):
    """BIP173, and from version 1 on BIP350."""
    data = [version] + _five_bits(program)
    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = _polymod(expanded + data + [0] * 6) ^ (1 if version == 0 else 0x2BC830A3)
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join(CHARSET[v] for v in data)


def address_of_script(script, network="regtest"):
    hrp, p2pkh, p2sh = NETWORKS[network]
    if script[:3] == b"\x76\xa9\x14":
        return base58check(bytes([p2pkh]) + script[3:23])
    if script[:2] == b"\xa9\x14":
        return base58check(bytes([p2sh]) + script[2:22])
    return segwit_address(max(script[0] - 0x50, 0), script[2:], hrp)


def address_of(key, kind, network="regtest"):
    return address_of_script(script_of(key, kind), network)


# --- what a transaction's signatures sign -----------------------------------------------
#
# `spent` is [(value, script)] of all inputs, in their order; hash type ALL or DEFAULT.


def _outpoints(tx):
    return b"".join(prev + struct.pack("<I", index) for prev, index, _, _ in tx.inputs)


def _sequences(tx):
    return b"".join(struct.pack("<I", sequence) for _, _, _, sequence in tx.inputs)


def _with_size(script):
    return compact_size(len(script)) + script


def _outputs(tx):
    return b"".join(struct.pack("<Q", value) + _with_size(script) for value, script in tx.outputs)


def legacy_digest(tx, i, script_code):
    inputs = [(prev, index, script_code if k == i else b"", sequence)
              for k, (prev, index, _, sequence) in enumerate(tx.inputs)]
    bare = bitcoin.Tx(inputs, tx.outputs, None, tx.version, tx.lock_time)
    return sha256d(bare.bytes(with_witness=False) + struct.pack("<I", SIGHASH_ALL))


def segwit_v0_digest(tx, i, script_code, value):
    """BIP143."""
    prev, index, _, sequence = tx.inputs[i]
    return sha256d(
        struct.pack("<I", tx.version) + sha256d(_outpoints(tx)) + sha256d(_sequences(tx))
        + prev + struct.pack("<I", index) + _with_size(script_code)
        + struct.pack("<QI", value, sequence) + sha256d(_outputs(tx))
        + struct.pack("<II", tx.lock_time, SIGHASH_ALL))


def taproot_digest(tx, i, spent, hash_type=SIGHASH_DEFAULT):
    """BIP341, key path."""
    values = b"".join(struct.pack("<Q", value) for value, _ in spent)
    scripts = b"".join(_with_size(script) for _, script in spent)
    return tagged_hash(
        "TapSighash",
        b"\x00" + bytes([hash_type]) + struct.pack("<II", tx.version, tx.lock_time)
        + sha256(_outpoints(tx)) + sha256(values) + sha256(scripts) + sha256(_sequences(tx))
        + sha256(_outputs(tx)) + b"\x00" + struct.pack("<I", i))


def sign_input(tx, i, key, spent):
    """Puts script and witness into input i, whose output is of a single key."""
    value, script = spent[i]
    public = public_key(key)
    unlock, witness = b"", []
    if script == p2tr_script(taproot_output_key(x_only(key))):
        witness = [schnorr_sign(taproot_private_key(key), taproot_digest(tx, i, spent))]
    elif script == p2pkh_script(public):
        signature = ecdsa_der(key, legacy_digest(tx, i, script))
        unlock = bytes([len(signature)]) + signature + bytes([len(public)]) + public
    elif script in (p2wpkh_script(public), p2sh_script(p2wpkh_script(public))):
        digest = segwit_v0_digest(tx, i, p2pkh_script(public), value)
        witness = [ecdsa_der(key, digest), public]
        if script[0] != 0:
            unlock = b"\x16" + p2wpkh_script(public)
    else:
        raise ValueError("the key does not fit the script")
    prev, index, _, sequence = tx.inputs[i]
    tx.inputs[i] = (prev, index, unlock, sequence)
    tx.witness[i] = witness


# --- proofs of ownership ---------------------------------------------------------------


def signed_message_hash(message):
    return sha256d(b"\x18Bitcoin Signed Message:\n" + _with_size(message.encode()))


def sign_message(key, message, kind="p2pkh"):
    """The older form (BIP137), by a compressed key."""
    header = {"p2pkh": 31, "p2sh_p2wpkh": 35, "p2wpkh": 39}[kind]
    r, s, recid = ecdsa_sign(key, signed_message_hash(message), low_r=False)
    return base64.b64encode(bytes([header + recid]) + bytes32(r) + bytes32(s)).decode()


def bip322_transactions(script, message):
    """(to_spend, to_sign), the latter unsigned."""
    commitment = tagged_hash("BIP0322-signed-message", message.encode())
    to_spend = bitcoin.Tx([(bytes(32), 0xFFFFFFFF, b"\x00\x20" + commitment, 0)],
                          [(0, script)], version=0)
    to_sign = bitcoin.Tx([(to_spend.txid(), 0, b"", 0)], [(0, b"\x6a")], version=0)
    return to_spend, to_sign


def bip322_sign(key, message, kind="p2wpkh"):
    """p2wpkh and p2tr: the simple form; others: the full one."""
    script = script_of(key, kind)
    _, to_sign = bip322_transactions(script, message)
    sign_input(to_sign, 0, key, [(0, script)])
    if to_sign.inputs[0][2]:
        return "ful" + base64.b64encode(to_sign.bytes()).decode()
    items = to_sign.witness[0]
    stack = compact_size(len(items)) + b"".join(_with_size(item) for item in items)
    return "smp" + base64.b64encode(stack).decode()
