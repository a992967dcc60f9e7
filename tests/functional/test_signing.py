"""The tests' own signer against the shared vectors: who checks others is checked first."""

import csv
import json
import os
import unittest

from lib import bitcoin, signing
from lib.case import need
from lib.node import ROOT


def private_key_of_wif(text):
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    n = 0
    for c in text:
        n = n * 58 + alphabet.index(c)
    return signing.number(n.to_bytes(38, "big")[1:33])


class Signer(unittest.TestCase):
    def setUp(self):
        self.folder = os.environ.get("KARIZ_VECTORS") or os.path.join(
            ROOT, "..", "shared", "vectors")
        need(os.path.isdir(self.folder), "../shared/vectors")

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return json.load(f)

    def test_keys_scripts_and_addresses(self):
        for row in self.read("addresses/generated.json")["keys"]:
            key = int(row["private_key"], 16)
            self.assertEqual(signing.public_key(key).hex(), row["public_key"])
            self.assertEqual(signing.taproot_output_key(signing.x_only(key)).hex(),
                             row["taproot_output_key"])
            self.assertEqual(signing.x_only(signing.taproot_private_key(key)).hex(),
                             row["taproot_output_key"])
            seen = 0
            for output in row["outputs"]:
                kind = output["kind"].replace("p2tr_bip86", "p2tr")
                if kind not in ("p2pkh", "p2sh_p2wpkh", "p2wpkh", "p2tr"):
                    continue
                seen += 1
                self.assertEqual(signing.script_of(key, kind).hex(), output["script_pubkey"])
                for network in signing.NETWORKS:
                    self.assertEqual(signing.address_of(key, kind, network), output[network])
            self.assertEqual(seen, 4)

    def test_ecdsa(self):
        for row in self.read("signing/ecdsa_low_r.json")["cases"][::3]:
            key, digest = int(row["private_key"], 16), bytes.fromhex(row["message_hash"])
            for name, low_r in (("plain_rfc6979_der", False), ("low_r_der", True)):
                r, s, _ = signing.ecdsa_sign(key, digest, low_r)
                self.assertEqual(signing.der(r, s).hex(), row[name])
            self.assertTrue(signing.ecdsa_verify(signing.point_multiply(key), digest, r, s))
            self.assertFalse(signing.ecdsa_verify(signing.point_multiply(key), digest, r, s + 1))

    def test_schnorr(self):
        with open(os.path.join(self.folder, "bips/bip340.csv"), encoding="utf-8") as f:
            for row in csv.DictReader(f):
                message, signature = (bytes.fromhex(row[k]) for k in ("message", "signature"))
                if row["secret key"]:
                    key, aux = int(row["secret key"], 16), bytes.fromhex(row["aux_rand"])
                    self.assertEqual(signing.schnorr_sign(key, message, aux), signature)
                good = signing.schnorr_verify(bytes.fromhex(row["public key"]), message, signature)
                self.assertEqual(good, row["verification result"] == "TRUE", row["comment"])

    def test_signed_messages(self):
        for row in self.read("messages/legacy_signed_message.json")["generated"]:
            key = int(row["private_key"], 16)
            for kind in ("p2pkh", "p2sh_p2wpkh", "p2wpkh"):
                self.assertEqual(signing.sign_message(key, row["message"], kind),
                                 row["forms"][kind]["signature"])

    def test_bip322(self):
        seen = 0
        for row in self.read("bips/bip322_basic.json")["simple"]:
            if row["type"] == "p2wpkh":
                seen += 1
                key = private_key_of_wif(row["private_keys"][0])
                self.assertIn(signing.bip322_sign(key, row["message"]),
                              row["bip322_signatures"])
        self.assertGreater(seen, 1)

    def test_transactions(self):
        """Signed again, payouts from outputs of single keys are the same to the byte."""
        seen = set()
        for case in self.read("payout/payout_tx.json")["cases"]:
            kinds = {coin["type"] for coin in case["inputs"]}
            if not kinds <= {"p2pkh", "p2sh_p2wpkh", "p2wpkh", "p2tr"}:
                continue
            seen |= kinds
            tx = bitcoin.Tx.read(bitcoin.Reader(bytes.fromhex(case["unsigned_tx"])))
            spent = [(coin["value_sat"], bytes.fromhex(coin["script_pubkey"]))
                     for coin in case["inputs"]]
            for i, coin in enumerate(case["inputs"]):
                signing.sign_input(tx, i, int(coin["private_key"], 16), spent)
            self.assertEqual(tx.bytes().hex(), case["signed_tx"], case["name"])
        self.assertEqual(seen, {"p2pkh", "p2sh_p2wpkh", "p2wpkh", "p2tr"})
