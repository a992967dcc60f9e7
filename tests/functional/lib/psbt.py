"""Partially signed transactions (BIP174, BIP371), version 0, and a signer for them: by
nobody's code but this, so that what the pool gives out is read by somebody else.

The signer believes nothing: what it spends it takes from the transaction that made it, and
its keys are those that its own master key gives on the paths that are named.
"""

import base64
import struct

from . import signing
from .bitcoin import Reader, Tx, compact_size, segwit_script, sha256

UNSIGNED_TX = 0x00
NON_WITNESS_UTXO, WITNESS_UTXO, PARTIAL_SIG, SIGHASH_TYPE = 0x00, 0x01, 0x02, 0x03
REDEEM_SCRIPT, WITNESS_SCRIPT, BIP32 = 0x04, 0x05, 0x06
TAP_SIG, TAP_BIP32, TAP_INTERNAL_KEY = 0x13, 0x16, 0x17
OUT_BIP32, OUT_TAP_BIP32 = 0x02, 0x07


def sized(data):
    return compact_size(len(data)) + data


class Psbt:
    """`tx`; the maps `globals`, `inputs`, `outputs`: {key bytes: value bytes}."""

    def __init__(self, text):
        r = Reader(base64.b64decode(text, validate=True))
        if r.take(5) != b"psbt\xff":
            raise ValueError("no PSBT")
        self.globals = self._read_map(r)
        self.tx = Tx.read(Reader(self.globals[bytes([UNSIGNED_TX])]))
        self.inputs = [self._read_map(r) for _ in self.tx.inputs]
        self.outputs = [self._read_map(r) for _ in self.tx.outputs]
        if r.at != len(r.data):
            raise ValueError("bytes behind the PSBT")

    @staticmethod
    def _read_map(r):
        found = {}
        while True:
            key = r.take(r.size())
            if not key:
                return found
            if key in found:
                raise ValueError("a key twice")
            found[key] = r.take(r.size())

    def bytes(self):
        """`tx` as it is now."""
        self.globals[bytes([UNSIGNED_TX])] = self.tx.bytes()
        out = b"psbt\xff"
        for fields in [self.globals, *self.inputs, *self.outputs]:
            for key in sorted(fields):
                out += sized(key) + sized(fields[key])
            out += b"\0"
        return out

    def text(self):
        return base64.b64encode(self.bytes()).decode() + "\n"

    # --- what it says ---

    def spent(self, i):
        """(value, script) of the output that input i spends."""
        fields = self.inputs[i]
        prev, index, _, _ = self.tx.inputs[i]
        said = whole = None
        if bytes([NON_WITNESS_UTXO]) in fields:
            made = Tx.read(Reader(fields[bytes([NON_WITNESS_UTXO])]))
            if made.txid() != prev:
                raise ValueError("another transaction than the one that is spent")
            whole = made.outputs[index]
        if bytes([WITNESS_UTXO]) in fields:
            r = Reader(fields[bytes([WITNESS_UTXO])])
            said = r.u64(), r.take(r.size())
        if said and whole and said != whole:
            raise ValueError("two outputs that are not the same")
        is_taproot = (said or whole)[1][:2] == b"\x51\x20"
        if not whole and not is_taproot:
            raise ValueError("an amount that nothing proves")
        return whole or said

    def fee(self):
        ins = sum(self.spent(i)[0] for i in range(len(self.inputs)))
        return ins - sum(value for value, _ in self.tx.outputs)


def origins(fields, kind, is_taproot):
    """(public key, fingerprint, path)"""
    for key, value in fields.items():
        if key[0] != kind:
            continue
        if is_taproot:
            if value[0] != 0:
                raise ValueError("our keys sign for no leaf")
            value = value[1:]
        yield key[1:], value[:4], struct.unpack(f"<{len(value) // 4 - 1}I", value[4:])


def keys_in(fields, master, plain=BIP32, taproot=TAP_BIP32):
    """The private keys that `master` has for a map: each gives the public key named."""
    found = []
    for kind, is_taproot in ((plain, False), (taproot, True)):
        for public, fingerprint, path in origins(fields, kind, is_taproot):
            if fingerprint != master.fingerprint():
                continue
            key = master.descend(path)
            if key.public()[1 if is_taproot else 0:] != public:
                raise ValueError("the path leads to another key")
            found.append(key.number)
    return found


def sign(psbt, master):
    """Adds the signatures that `master` can make; how many."""
    spent = [psbt.spent(i) for i in range(len(psbt.inputs))]
    count = 0
    for i, fields in enumerate(psbt.inputs):
        for key in keys_in(fields, master):
            _sign_input(psbt, i, key, spent)
            count += 1
    return count


def _sign_input(psbt, i, key, spent):
    tx, fields = psbt.tx, psbt.inputs[i]
    value, script = spent[i]
    public = signing.public_key(key)
    if script[:2] == b"\x51\x20":
        if fields[bytes([TAP_INTERNAL_KEY])] != public[1:]:
            raise ValueError("another internal key")
        if script[2:] != signing.taproot_output_key(public[1:]):
            raise ValueError("the key does not fit the output")
        fields[bytes([TAP_SIG])] = signing.schnorr_sign(
            signing.taproot_private_key(key), signing.taproot_digest(tx, i, spent))
        return
    redeem = fields.get(bytes([REDEEM_SCRIPT]))
    witness = fields.get(bytes([WITNESS_SCRIPT]))
    inner = script
    if redeem is not None:
        if signing.p2sh_script(redeem) != script:
            raise ValueError("another redeem script")
        inner = redeem
    if witness is not None:
        if segwit_script(sha256(witness)) != inner or public not in witness:
            raise ValueError("another witness script")
        digest = signing.segwit_v0_digest(tx, i, witness, value)
    elif inner == signing.p2wpkh_script(public):
        digest = signing.segwit_v0_digest(tx, i, signing.p2pkh_script(public), value)
    elif inner == signing.p2pkh_script(public):
        digest = signing.legacy_digest(tx, i, inner)
    else:
        raise ValueError("the key does not fit the output")
    fields[bytes([PARTIAL_SIG]) + public] = signing.ecdsa_der(key, digest)
