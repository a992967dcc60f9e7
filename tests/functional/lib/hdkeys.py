"""Public keys below an extended key (BIP32) and the scripts of a descriptor, on its own.

Slow and only for public demo keys: nothing here hides what it computes with.
"""

import hashlib
import hmac

from .bitcoin import segwit_script, sha256, sha256d

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)
DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
HARDENED = 1 << 31
TEST_PUBLIC = bytes.fromhex("043587cf")  # "tpub"

TEST_PRIVATE = bytes.fromhex("04358394")  # "tprv"


def add(a, b):
    """Points of secp256k1; None is the one at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = 3 * a[0] ** 2 * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point=G):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point, k = add(point, point), k >> 1
    return total


def compressed(point):
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def base58check(data):
    number = int.from_bytes(data + sha256d(data)[:4], "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = DIGITS[digit] + text
    return text


class PublicKey:
    """An extended public key; child(i) of unhardened steps."""

    def __init__(self, point, chain):
        self.point, self.chain = point, chain

    @classmethod
    def demo(cls, name):
        return cls(times(int.from_bytes(sha256(name.encode()), "big") % N),
                   sha256(b"chain of " + name.encode()))

    @classmethod
    def read(cls, text):
        """Of an extended public key's text."""
        number = 0
        for digit in text:
            number = number * 58 + DIGITS.index(digit)
        data = number.to_bytes(82, "big")
        if sha256d(data[:-4])[:4] != data[-4:] or data[:4] != TEST_PUBLIC:
            raise ValueError(text)
        x = int.from_bytes(data[46:78], "big")
        y = pow(x**3 + 7, (P + 1) // 4, P)
        return cls((x, y if y % 2 == data[45] % 2 else P - y), data[13:45])

    def child(self, number):
        more = hmac.new(self.chain, compressed(self.point) + number.to_bytes(4, "big"),
                        hashlib.sha512).digest()
        point = add(times(int.from_bytes(more[:32], "big")), self.point)
        return PublicKey(point, more[32:])

    def text(self):
        """Of a master key, as test networks write it."""
        nobody = bytes(1 + 4 + 4)  # depth, the parent's fingerprint, number
        return base58check(TEST_PUBLIC + nobody + self.chain + compressed(self.point))


class PrivateKey:
    """An extended private key; the steps of a path are numbers, from HARDENED on hardened."""

    def __init__(self, number, chain, depth=0, parent=bytes(4), step=0):
        self.number, self.chain = number, chain
        self.depth, self.parent, self.step = depth, parent, step

    @classmethod
    def of_seed(cls, seed):
        data = hmac.new(b"Bitcoin seed", seed, hashlib.sha512).digest()
        return cls(int.from_bytes(data[:32], "big"), data[32:])

    def public(self):
        return compressed(times(self.number))

    def fingerprint(self):
        return hashlib.new("ripemd160", sha256(self.public())).digest()[:4]

    def child(self, step):
        own = b"\0" + self.number.to_bytes(32, "big") if step >= HARDENED else self.public()
        more = hmac.new(self.chain, own + step.to_bytes(4, "big"), hashlib.sha512).digest()
        number = (int.from_bytes(more[:32], "big") + self.number) % N
        return PrivateKey(number, more[32:], self.depth + 1, self.fingerprint(), step)

    def descend(self, path):
        key = self
        for step in path:
            key = key.child(step)
        return key

    def public_text(self):
        """Its public half, as test networks write it."""
        return base58check(TEST_PUBLIC + bytes([self.depth]) + self.parent
                           + self.step.to_bytes(4, "big") + self.chain + self.public())

    def private_text(self):
        """All of it, as test networks write it."""
        return base58check(TEST_PRIVATE + bytes([self.depth]) + self.parent
                           + self.step.to_bytes(4, "big") + self.chain
                           + b"\0" + self.number.to_bytes(32, "big"))


def wsh_script(*keys):
    """wsh(sortedmulti(1,KEY,...))."""
    pushes = b"".join(b"\x21" + key for key in sorted(compressed(k.point) for k in keys))
    return segwit_script(sha256(b"\x51" + pushes + bytes([0x50 + len(keys), 0xAE])))
