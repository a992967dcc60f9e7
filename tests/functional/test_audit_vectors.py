"""A chain made by the pool against a verifier that shares nothing with it."""

import json
import os
import unittest

from lib import audit_check
from lib.node import ROOT

VECTORS = os.path.join(ROOT, "tests", "vectors")


class AuditVectors(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(VECTORS, "audit_chain.jsonl"), "rb") as f:
            self.lines = f.readlines()
        self.head = audit_check.check_chain(self.lines)

    def expect_wrong(self, lines, says, expect=None):
        with self.assertRaisesRegex(audit_check.Wrong, says):
            audit_check.check_chain(lines, expect)

    def test_the_pools_chain_is_right(self):
        self.assertEqual(self.head[0], len(self.lines))
        self.assertEqual(self.head[1], json.loads(self.lines[-1])["hash"])
        audit_check.check_chain(self.lines, self.head)

    def test_forms_and_commitments_are_the_same(self):
        with open(os.path.join(VECTORS, "audit_forms.json"), encoding="utf-8") as f:
            rows = audit_check.parse(f.read())
        self.assertGreaterEqual(len(rows), 9)
        for row in rows:
            value = row["value"]
            self.assertEqual(audit_check.canonical(value).hex(), row["canonical_hex"])
            made = audit_check.commitment(bytes.fromhex(row["salt"]), value)
            self.assertEqual(made.hex(), row["commitment"])
            self.assertEqual(audit_check.record_hash(value).hex(), row["record_hash"])

    def test_every_changed_byte_is_found(self):
        for i, line in enumerate(self.lines):
            for at in range(0, len(line), 7):
                changed = line[:at] + bytes([line[at] ^ 1]) + line[at + 1:]
                self.expect_wrong(self.lines[:i] + [changed] + self.lines[i + 1:],
                                  f"^line {i + 1}: ")

    def test_removed_inserted_and_swapped_lines_are_found(self):
        for i in range(len(self.lines) - 1):
            a, b = self.lines[i:i + 2]
            before, behind = self.lines[:i], self.lines[i + 2:]
            self.expect_wrong(before + [b] + behind, f"^line {i + 1}: ")
            self.expect_wrong(before + [a, a, b] + behind, f"^line {i + 2}: ")
            self.expect_wrong(before + [b, a] + behind, f"^line {i + 1}: ")

    def test_a_cut_chain_is_found_against_a_noted_head(self):
        for left in range(1, len(self.lines)):
            audit_check.check_chain(self.lines[:left])
            self.expect_wrong(self.lines[:left], "cut off", self.head)
        self.expect_wrong([], "there is no event")

    def test_a_chain_made_anew_is_found_against_a_noted_head(self):
        before, lines = bytes(32), []
        for line in self.lines:
            event = json.loads(line)["event"]
            event["actor"] = "somebody else"
            before = audit_check.tagged("Kariz/audit/1", before + audit_check.canonical(event))
            lines.append(audit_check.canonical({"event": event, "hash": before.hex()}) + b"\n")
        audit_check.check_chain(lines)
        self.expect_wrong(lines, "made anew", self.head)
