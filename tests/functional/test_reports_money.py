"""Reports of work and money against the chain, the statements and the balances."""

import json
import os
import subprocess

from lib import bitcoin, signing
from lib.karizd import REPORTS, environment, listener
from lib.node import ROOT
from lib.payer import readable
from lib.wait import SCALE, wait_until
from test_accounts import AccountsTest
from test_payout import PayoutTest
from test_reports import ALL, PASSPHRASE, this_month

TERMS = ("credited", "paid", "reversed", "adjusted")


class MoneyReports:
    """What makes a package of the running month, and looks into it."""

    def make(self):
        """The rows of each report: {"R4": [...], ...}, checked by two who share nothing."""
        folder = os.path.join(self.karizd.folder, "package")
        key = os.path.join(self.karizd.folder, "report.key")
        self.sign("report", "key", "create", key)
        self.sign("report", "make", this_month(), "--conf", self.karizd.config, "--key", key,
                  "--out", folder, "--reports", ALL)
        self.karizd.ctl("report", "verify", folder)
        subprocess.run([os.path.join(ROOT, "tests", "report_verify"), folder], check=True,
                       capture_output=True, timeout=60 * SCALE)
        return {name: self.report(folder, name) for name in ALL.split(",")}

    def report(self, folder, name):
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
            return json.load(f)["rows"]

    def sign(self, *words):
        read_fd = readable(PASSPHRASE)
        try:
            done = subprocess.run(
                self.karizd.command(*words, "--passphrase-fd", str(read_fd)), text=True,
                capture_output=True, check=False, timeout=90 * SCALE, env=environment(),
                pass_fds=(read_fd,), stdin=subprocess.DEVNULL)
        finally:
            os.close(read_fd)
        said = done.stdout + done.stderr
        if done.returncode != 0 or REPORTS.search(said):
            raise AssertionError(f"karizctl {words}: {done.returncode}\n{said}")

    # --- comparing ---

    def check_statements(self, rows):
        """Each miner's rows of R4 and R5 are the miner's statement."""
        for miner in self.miners:
            statement = self.karizd.ask("statement", miner)
            days = [r for r in rows["R4"] if r["miner_id"] == miner]
            for term in TERMS:
                self.assertEqual(sum(d[term + "_sat"] for d in days), statement[term],
                                 (miner, term))
            ends = days[-1]["balance_end_sat"] if days else 0
            self.assertEqual(ends, statement["end"], miner)
            lines = [r for r in rows["R5"] if r["miner_id"] == miner]
            self.assertEqual(self.sum_of(lines, "credit"), statement["credited"])
            self.assertEqual(self.sum_of(lines, "reversal"), statement["reversed"])
            self.assertEqual(self.sum_of(lines, "payment", "network_fee"), statement["paid"])
            self.assertEqual(self.sum_of(lines, "fee"), sum(d["fee_sat"] for d in days))

    def sum_of(self, lines, *kinds):
        return sum(r["amount_sat"] for r in lines if r["entry_kind"] in kinds)

    def check_payments(self, rows):
        """Each payment is an output that the chain has; returns how many there are."""
        transactions = {}
        for at in range(1, self.node.height + 1):
            transactions.update((bitcoin.display(t.txid()), t)
                                for t in self.node.block_at(at).txs)
        payments = [r for r in rows["R5"] if r["entry_kind"] == "payment"]
        for r in payments:
            value, script = transactions[r["txid"]].outputs[r["vout"]]
            self.assertEqual(value, r["amount_sat"])
            self.assertEqual(signing.address_of_script(script), r["wallet_address"])
            self.assertEqual(r["wallet_address"], bitcoin.demo_address(r["miner_id"]))
        return len(payments)

    def check_blocks(self, rows, states):
        """`states`: {block's hash: its state}."""
        self.assertEqual({r["block_hash"]: r["block_state"] for r in rows["R9-blocks"]}, states)
        for r in rows["R9-blocks"]:
            block = self.ledger.block(r["block_hash"])
            self.assertEqual(r["subsidy_sat"] + r["fees_sat"], block["value_sat"])
            self.assertEqual(r["block_height"], block["height"])
            parts = {p[0]: p for p in block["split"]["parts"]}
            shares = [c for c in rows["R4-blocks"] if c["block_hash"] == r["block_hash"]]
            self.assertEqual({c["miner_id"]: c["credited_sat"] for c in shares},
                             {m: p[5] for m, p in parts.items()})
        found = sum(r.get("blocks_found", 0) for r in rows["R4"])
        self.assertEqual(found, len(states))

    def check_proof(self, rows):
        (proof,) = rows["R9"]
        totals = self.karizd.ask("balance")["totals"]
        accounts = self.ledger.accounts()
        self.assertEqual(proof["liabilities_sat"], totals["total"])
        self.assertEqual(proof["hot_wallet_sat"], accounts.get("coins.mature", 0))
        self.assertEqual(proof["owed_immature_sat"], totals["immature"])
        by_age = sum(v for k, v in proof.items()
                     if k.startswith("unpaid_") and k.endswith("_sat"))
        self.assertEqual(by_age, totals["mature"] + totals["held"])
        return proof


class Paid(MoneyReports, PayoutTest):
    def test_a_life_of_shares_blocks_an_orphan_and_a_payout_is_reported_as_it_was(self):
        paid = self.earn()
        self.send()
        reserves = self.payer.ask("reserves")
        lost = self.find_next("bob")
        self.wait_state(lost, "accepted")
        height = self.ledger.block(lost)["height"]
        self.take_branch(self.branch(height), height, 2)
        self.wait_state(lost, "orphaned")
        fresh = self.find_next("alice")
        self.wait_state(fresh, "accepted")

        rows = self.make()
        self.check_statements(rows)
        self.assertGreaterEqual(self.check_payments(rows), 2)
        self.check_blocks(rows, {**{b: "matured" for b in paid}, lost: "orphaned",
                                 fresh: "immature"})
        proof = self.check_proof(rows)
        self.assertEqual(proof["hot_wallet_sat"], reserves["free"] + reserves["under_way"])

        # Shares: alice's 4 and her block's, bob's 2 and his, carol's 1 and hers.
        counts = {}
        for r in rows["R4"]:
            counts[r["miner_id"]] = counts.get(r["miner_id"], 0) + r["accepted_shares"]
        self.assertEqual(counts, {"alice": 5, "bob": 3, "carol": 2})
        work = self.karizd.ask("workers")
        for miner, count in counts.items():
            (one,) = [w for w in work if w["miner"] == miner]
            mine = [r for r in rows["R4"] if r["miner_id"] == miner]
            self.assertEqual((sum(int(r["work"]) for r in mine), count),
                             (int(one["work"]), one["accepted"]))


class PaidByTheCoinbase(MoneyReports, AccountsTest):
    payout = {"direct": True, "fee_percent": 1, "window": 1000, "direct_minimum": 10000}

    def more(self):
        return {"stratum": {"listen": [listener(coinbase="large")]}}

    def test_what_a_coinbase_paid_is_a_payment_once_it_is_mature(self):
        first, found = self.find_two_direct()
        self.node.generate_to(self.ledger.block(found)["height"] + 99)
        for block_hash in (first, found):  # booked in either order
            self.wait_state(block_hash, "mature")

        rows = self.make()
        self.check_statements(rows)
        self.assertEqual(self.check_payments(rows), 2)
        self.assertEqual({r["block_hash"] for r in rows["R5"] if r["entry_kind"] == "payment"},
                         {found})
        self.check_blocks(rows, {first: "matured", found: "matured"})
        self.check_proof(rows)


class PerShare(MoneyReports, AccountsTest):
    payout = {"scheme": "pps", "fee_percent": 2, "pps_reserve": 0}

    def test_what_shares_are_paid_is_one_credit_a_day_with_its_fee(self):
        self.shares("bob.rig", 3)
        self.find_block("alice.rig")
        wait_until(lambda: self.karizd.ask("statement", "bob")["credited"] > 0, 30,
                   "bob's shares are credited")
        rows = self.make()
        self.check_statements(rows)
        bobs = [r for r in rows["R5"] if r["miner_id"] == "bob"]
        self.assertEqual([r["entry_kind"] for r in bobs], ["credit", "fee"])
        credit, fee = (r["amount_sat"] for r in bobs)
        self.assertEqual(fee, credit * 2 // 98)
