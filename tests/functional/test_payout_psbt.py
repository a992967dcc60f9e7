"""Signing elsewhere: PSBTs go out, are signed by software that is not the pool's, come back.

The payer has descriptors alone. The signer is lib/psbt.py, and the node's own where the node
has one.
"""

import base64
import os
import struct

from lib import bitcoin, hdkeys, psbt, signing
from lib.psbt import Psbt
from test_payout_chain import CANCEL_CONFIRMATIONS, ChainTest

H = hdkeys.HARDENED
MASTERS = [hdkeys.PrivateKey.of_seed(bytes([n]) * 32) for n in (1, 2)]
STEPS = {"wpkh": (84 + H, 1 + H, H), "tr": (86 + H, 1 + H, H), "pkh": (44 + H, 1 + H, H),
         "sh-wpkh": (49 + H, 1 + H, H), "wsh": (48 + H, 1 + H, H, 2 + H)}
FORMS = {"wpkh": "wpkh(%s)", "tr": "tr(%s)", "pkh": "pkh(%s)", "sh-wpkh": "sh(wpkh(%s))",
         "wsh": "wsh(sortedmulti(2,%s))"}
SCRIPTS = {"wpkh": "p2wpkh", "tr": "p2tr", "pkh": "p2pkh", "sh-wpkh": "p2sh_p2wpkh"}


def path_text(steps):
    return "".join(f"/{s - H}h" if s >= H else f"/{s}" for s in steps)


def descriptor(kind, branch, private=False):
    """Of one key, or of two for wsh."""
    keys = []
    for master in MASTERS[:2 if kind == "wsh" else 1]:
        if private:
            keys.append(f"{master.private_text()}{path_text(STEPS[kind])}/{branch}/*")
            continue
        account = master.descend(STEPS[kind])
        origin = master.fingerprint().hex() + path_text(STEPS[kind])
        keys.append(f"[{origin}]{account.public_text()}/{branch}/*")
    return FORMS[kind] % ",".join(keys)


def script(kind, branch, index):
    keys = [m.descend((*STEPS[kind], branch, index)) for m in MASTERS]
    if kind != "wsh":
        return signing.script_of(keys[0].number, SCRIPTS[kind])
    pushes = b"".join(bitcoin.push(k) for k in sorted(key.public() for key in keys))
    return bitcoin.segwit_script(bitcoin.sha256(b"\x52" + pushes + b"\x52\xae"))


class OfflineTest(ChainTest):
    """Settings without a key file, files in `self.out`."""

    @classmethod
    def make_wallet(cls):
        cls.addresses = {"receive": [signing.address_of_script(script(cls.kind, 0, 0))]}
        return {"receive": descriptor(cls.kind, 0), "change": descriptor(cls.kind, 1)}

    def export(self, earns=True):
        """(payout, its PSBT, owed)"""
        if earns:
            self.earn()
        owed = self.ledger.balances("mature")
        before = {p["id"] for p in self.payer.payouts()}
        said = self.payer.run("plan", "--psbt", self.keys)
        self.assertIn("1 PSBT to be signed in", said)
        (new,) = [p for p in self.payer.payouts() if p["id"] not in before]
        self.assertEqual(new["state"], "exported")
        self.assertEqual(self.ledger.balances("mature"), {})
        return new["id"], self.read(new["id"]), owed

    def read(self, name):
        with open(os.path.join(self.keys, name + ".psbt")) as f:
            return Psbt(f.read().strip())

    def write(self, data, name="signed"):
        path = os.path.join(self.keys, name + ".psbt")
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def check_contents(self, payout, p, owed):
        """Who is paid, what comes back, where the keys come from."""
        shown = self.show(payout)
        self.assertEqual(p.fee(), shown["fee"])
        paid = {p.tx.outputs[r["vout"]] for r in shown["recipients"]}
        self.assertEqual(paid, {(sat, bitcoin.segwit_script(bitcoin.demo_program(m)))
                                for m, sat in owed.items()})
        change = [i for i, out in enumerate(p.tx.outputs) if out not in paid]
        for i in change:
            found = {public for kind, tap in ((psbt.OUT_BIP32, False), (psbt.OUT_TAP_BIP32, True))
                     for public, _, path in psbt.origins(p.outputs[i], kind, tap)}
            index = self.index_of(p.outputs[i])
            self.assertEqual(p.tx.outputs[i][1], script(self.kind, 1, index))
            self.assertEqual(len(found), 2 if self.kind == "wsh" else 1)
            for master in MASTERS[:len(found)]:
                self.assertEqual(len(psbt.keys_in(p.outputs[i], master, psbt.OUT_BIP32,
                                                  psbt.OUT_TAP_BIP32)), 1)
        self.assertEqual(len(change), 1)

    def index_of(self, fields):
        taproot = self.kind == "tr"
        kind = psbt.OUT_TAP_BIP32 if taproot else psbt.OUT_BIP32
        return next(psbt.origins(fields, kind, taproot))[2][-1]

    def send(self, payout, path, owed):
        said = self.payer.run("import", path)
        self.assertIn(f"payout {payout} is signed and was given to the node", said)
        shown = self.show(payout)
        self.assertEqual(shown["state"], "broadcast")
        if self.kind != "tr" or self.replaces:  # bcoin relays no taproot, and takes it in blocks
            self.wait_mempool(shown["txid"])
        self.confirm_version(payout, 0)
        self.check_settled(payout, 0, owed)

    def round_trip(self):
        payout, p, owed = self.export()
        self.check_contents(payout, p, owed)
        signed = sum(psbt.sign(p, master) for master in MASTERS)
        self.assertEqual(signed, len(p.inputs) * (2 if self.kind == "wsh" else 1))
        self.send(payout, self.write(p.text()), owed)

    def round_trip_by_the_node(self):
        """bitcoind signs as well; the other node cannot, and our signer takes its place."""
        payout, p, owed = self.export()
        if self.node.kind == "bitcoind":
            ranges = [{"desc": self.node.rpc("getdescriptorinfo", d)["checksum"] and d,
                       "range": 1000}
                      for d in (descriptor(self.kind, b, private=True) for b in (0, 1))]
            done = self.node.rpc("descriptorprocesspsbt", p.text().strip(), ranges,
                                 "DEFAULT" if self.kind == "tr" else "ALL", True, False)
            text = done["psbt"]
        else:
            for master in MASTERS:
                psbt.sign(p, master)
            text = p.text()
        self.send(payout, self.write(base64.b64decode(text), "by-the-node"), owed)


class OfflineWpkh(OfflineTest):
    kind = "wpkh"

    def test_a_payout_is_signed_elsewhere_and_comes_back(self):
        self.round_trip()

    def test_the_node_signs_it(self):
        self.round_trip_by_the_node()

    def test_what_is_not_as_it_went_out_is_refused_with_one_line(self):
        payout, good, owed = self.export()
        psbt.sign(good, MASTERS[0])
        master = MASTERS[0]

        def case(says, change):
            with self.subTest(says=says):
                p = self.read(payout)
                data = change(p) or p.text()
                said = self.payer.run("import", self.write(data), expect=1)
                self.assertIn(says, said)
                self.assertEqual(said.count("\n"), 1, said)
                self.assertEqual(self.state(payout), "exported")

        def other_output(p):
            value, out_script = p.tx.outputs[0]
            p.tx.outputs[0] = (value - 1, out_script)
            psbt.sign(p, master)

        def other_amount(p):
            key = bytes([psbt.WITNESS_UTXO])
            psbt.sign(p, master)
            value = struct.unpack("<Q", p.inputs[0][key][:8])[0]
            p.inputs[0][key] = struct.pack("<Q", value + 1) + p.inputs[0][key][8:]

        def bad_signature(p):
            psbt.sign(p, master)
            (key,) = [k for k in p.inputs[0] if k[0] == psbt.PARTIAL_SIG]
            sig = bytearray(p.inputs[0][key])
            sig[-2] ^= 1
            p.inputs[0][key] = bytes(sig)

        def other_hash_type(p):
            psbt.sign(p, master)
            (key,) = [k for k in p.inputs[0] if k[0] == psbt.PARTIAL_SIG]
            p.inputs[0][key] = p.inputs[0][key][:-1] + b"\x03"  # SINGLE

        def asks_for_none(p):
            psbt.sign(p, master)
            p.inputs[0][bytes([psbt.SIGHASH_TYPE])] = struct.pack("<I", 2)

        def other_transaction(p):
            p.tx.lock_time -= 1
            psbt.sign(p, master)

        def twice(p):
            data = p.bytes()
            return data[:-1] + bitcoin.compact_size(1) + b"\x77\x00" * 1 + b"\x01\x77\x00\x00"

        case("its transaction is none that was exported", other_output)
        case("witness_utxo", other_amount)
        case("signature", bad_signature)
        case("signature", other_hash_type)
        case("sighash_type", asks_for_none)
        case("its transaction is none that was exported", other_transaction)
        case("signatures are missing", lambda p: p.text())
        case("psbt", lambda p: p.bytes() + b"\x00")
        case("", twice)
        case("", lambda p: b"nothing of the kind")
        self.send(payout, self.write(good.text()), owed)
        # Once is enough.
        said = self.payer.run("import", self.write(good.text()), expect=1)
        self.assertIn("its transaction is none that was exported", said)

    def test_what_somebody_sends_himself_is_taken_as_paid(self):
        payout, p, owed = self.export()
        psbt.sign(p, MASTERS[0])
        tx = self.finalised(p)
        self.node.rpc("sendrawtransaction", tx.bytes().hex())
        txid = bitcoin.display(tx.txid())
        self.wait_mempool(txid)
        self.follow()
        if self.replaces:  # bcoin does not tell what its mempool spends
            shown = self.show(payout)
            self.assertEqual((shown["state"], shown["txid"]), ("broadcast", txid))
        self.node.mine([tx.bytes().hex()])
        self.mine_empty(1)
        self.follow()
        self.check_settled(payout, 0, owed)

        # And what the mempool never showed.
        payout, p, owed = self.export()
        psbt.sign(p, MASTERS[0])
        self.node.mine([self.finalised(p).bytes().hex()])
        self.mine_empty(1)
        self.follow()
        self.check_settled(payout, 0, owed)

    def finalised(self, p):
        for i, fields in enumerate(p.inputs):
            ((key, signature),) = [(k, v) for k, v in fields.items() if k[0] == psbt.PARTIAL_SIG]
            p.tx.witness[i] = [signature, key[1:]]
        return p.tx

    def test_a_payout_is_called_off_by_a_transaction_that_is_signed_elsewhere(self):
        payout, p, owed = self.export()
        said = self.payer.run("cancel", payout, expect=1)
        self.assertEqual(said.count("\n"), 1)
        self.assertIn("--psbt DIR writes a cancellation to be signed elsewhere", said)
        self.assertEqual(self.state(payout), "exported")
        self.payer.run("cancel", payout, "--psbt", self.keys)
        self.assertEqual(self.state(payout), "exported")
        cancel = self.read(payout + "-cancel")
        self.assertEqual([o[1] for o in cancel.tx.outputs],
                         [script(self.kind, 1, self.index_of(cancel.outputs[0]))])
        self.assertEqual(cancel.tx.inputs[0][:2], p.tx.inputs[0][:2])
        self.assertGreater(cancel.fee(), p.fee())  # it could replace what may be out
        psbt.sign(cancel, MASTERS[0])
        self.payer.run("import", self.write(cancel.text()))
        self.assertEqual(self.state(payout), "broadcast")
        self.confirm_version(payout, 0, CANCEL_CONFIRMATIONS)
        self.assertEqual(self.state(payout), "cancelled")
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.check_all()
        payout, p, owed = self.export(earns=False)
        psbt.sign(p, MASTERS[0])
        self.send(payout, self.write(p.text()), owed)

    def test_a_fee_is_raised_by_a_child_that_is_signed_elsewhere(self):
        payout, p, owed = self.export()
        psbt.sign(p, MASTERS[0])
        self.payer.run("import", self.write(p.text()))
        self.wait_mempool(self.show(payout)["txid"])
        said = self.payer.run("bump", payout, expect=1)
        self.assertIn("--child reserves a child that can be exported", said)
        self.with_fees(fallback=20000).run("bump", payout, "--child")
        (child,) = [q["id"] for q in self.payer.payouts() if q["state"] == "reserved"]
        self.payer.run("export", self.keys)
        c = self.read(child)
        self.assertEqual(c.tx.inputs[0][0], p.tx.txid())
        psbt.sign(c, MASTERS[0])
        self.payer.run("import", self.write(c.text()))
        self.wait_mempool(self.show(child)["txid"])
        self.node.mine([self.raw(payout, 0), self.raw(child, 0)])
        self.mine_empty(1)
        self.follow()
        self.assertEqual(self.state(child), "confirmed")
        self.check_settled(payout, 0, owed)


class OfflineTaproot(OfflineTest):
    kind = "tr"

    def test_a_payout_is_signed_elsewhere_and_comes_back(self):
        self.round_trip()

    def test_the_node_signs_it(self):
        self.round_trip_by_the_node()


class OfflinePkh(OfflineTest):
    kind = "pkh"

    def test_a_payout_is_signed_elsewhere_and_comes_back(self):
        self.round_trip()


class OfflineShWpkh(OfflineTest):
    kind = "sh-wpkh"

    def test_a_payout_is_signed_elsewhere_and_comes_back(self):
        self.round_trip()


class OfflineMultisig(OfflineTest):
    kind = "wsh"

    def test_two_signers_and_one_alone_is_not_enough(self):
        payout, p, owed = self.export()
        self.check_contents(payout, p, owed)
        first, second = self.read(payout), self.read(payout)
        psbt.sign(first, MASTERS[0])
        psbt.sign(second, MASTERS[1])
        for one in (first, second):
            said = self.payer.run("import", self.write(one.text()), expect=1)
            self.assertIn("signatures are missing", said)
            self.assertEqual(self.state(payout), "exported")
        for into, other in zip(first.inputs, second.inputs):  # the combiner
            into.update(other)
        self.send(payout, self.write(first.text()), owed)

    def test_the_node_signs_it(self):
        self.round_trip_by_the_node()


del ChainTest, OfflineTest
