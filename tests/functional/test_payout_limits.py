"""What stops a payment or one payee of it, and what else the purse is for."""

import os
import re
import signal

from lib import bitcoin, hdkeys, signing
from lib.payer import Payer, addresses_in, descriptors_in
from lib.wait import wait_until
from test_payout import PayoutTest


class Limited(PayoutTest):
    def assert_waits(self, *reasons):
        """Who waits, as a plan has it, and why."""
        waits = self.payer.ask("plan")["waits"]
        self.assertEqual({w["miner"]: (w["reason"], w["why"]) for w in waits}, dict(reasons))

    def assert_untouched(self, owed):
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.assertEqual({o["state"] for o in self.payer.payouts()} - {"confirmed", "final"},
                         set())


class Caps(Limited):
    def test_a_run_above_a_cap_waits_for_a_persons_word(self):
        self.earn()
        owed = self.ledger.balances("mature")
        total = sum(owed.values())
        for cap in ("payout", "run", "day"):
            with self.subTest(cap=cap):
                self.set_payout(cap={"payout": 0, "run": 0, "day": 0, cap: total - 1})
                self.assertEqual(self.payer.ask("plan")["caps_exceeded"], ["payout.cap." + cap])
                status, said, why = self.payer.try_run("run")
                self.assertEqual((status, said, why.count("\n")), (4, "", 1), why)
                self.assertIn(f"payout.cap.{cap} is exceeded", why)
                self.assert_untouched(owed)
        self.set_payout(cap={"payout": total, "run": total, "day": total})
        self.pay()
        # Of this day's cap that left nothing.
        self.earn()
        owed = self.ledger.balances("mature")
        self.assertEqual(self.payer.try_run("run")[0], 4)
        self.assert_untouched(owed)
        self.payer.run("run", "--confirm")
        self.confirm()
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()


class Screened(Limited):
    # So much is the pool's own that there is a coin for each of two payments.
    payout = {"fee_percent": 52, "window": 1000, "minimum": 1000}

    def program(self, text):
        """Of the settings; it works alone, so nothing of ours is changed by it."""
        path = os.path.join(self.keys, "screen")
        with open(path, "w") as f:
            f.write("#!/bin/sh\nread -r line\ncase \"$line\" in\n" + text + "esac\n")
        os.chmod(path, 0o755)
        return path

    def test_who_is_listed_or_not_cleared_waits_alone(self):
        self.earn()
        owed = self.ledger.balances("mature")
        listed = os.path.join(self.keys, "list")
        with open(listed, "w") as f:
            f.write("# of an authority\n%s # the latest\n" % bitcoin.demo_address("bob"))
        screen = self.program('*\'"alice"\'*) echo clear ;;\n'
                              '*\'"carol"\'*) echo match case 17 ;;\n')
        self.set_payout(lists=[listed], screen=screen)
        self.assert_waits(("bob", ("screened", f"on list {listed}")),
                          ("carol", ("screened", "the screening program says match: case 17")))
        payout = self.pay()
        self.assertEqual([r["miner"] for r in payout["recipients"]], ["alice"])
        owed.pop("alice")
        self.assertEqual(self.ledger.balances("mature"), owed)
        # No answer is no clearance; neither is a list that cannot be read.
        self.set_payout(lists=[], screen=self.program('*\'"carol"\'*) echo clear ;;\n*) exit 3 ;;\n'))
        ((miner, (reason, why)),) = self.waits()
        self.assertEqual((miner, reason), ("bob", "screened"))
        self.assertIn("gave no answer", why)
        payout = self.pay()
        self.assertEqual([r["miner"] for r in payout["recipients"]], ["carol"])
        owed.pop("carol")
        with open(listed, "a") as f:
            f.write("bob\n")
        self.set_payout(lists=[listed], screen="")
        status, _, why = self.payer.try_run("run")
        self.assertEqual((status, why.count("\n")), (1, 1), why)
        self.assertIn(f"{listed}:3: ", why)
        self.assert_untouched(owed)
        os.unlink(listed)
        self.assertIn(listed, self.payer.run("run", expect=1))
        self.assert_untouched(owed)
        self.set_payout(lists=[])
        self.pay()
        self.assertEqual(self.ledger.balances("mature"), {})

    def waits(self):
        return [(w["miner"], (w["reason"], w["why"])) for w in self.payer.ask("plan")["waits"]]

    def test_who_is_stopped_between_plan_and_signature_stops_the_transaction(self):
        self.earn()
        owed = self.ledger.balances("mature")
        self.set_payout(screen=self.program(
            '*\'"bob"\'*\'"sign"\'*) echo match ;;\n*) echo clear ;;\n'))
        status, said, why = self.payer.try_run("run")
        self.assertEqual((status, said, why.count("\n")), (4, "", 1), why)
        self.assertIn("1 payout was given up before a signature", why)
        (payout,) = self.payer.payouts()
        self.assertEqual(payout["state"], "abandoned")
        self.assertIn("bob may not be paid any more", payout["note"])
        self.assertEqual(payout["txid"], "")
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.check_ledger()
        # The next plan knows, and its coins are free again.
        self.set_payout(screen=self.program('*\'"bob"\'*) echo match ;;\n*) echo clear ;;\n'))
        payout = self.pay()
        self.assertEqual([r["miner"] for r in payout["recipients"]], ["alice", "carol"])


    def test_a_killed_runs_payout_is_signed_by_the_next_which_pays_the_others(self):
        """With one passphrase, that the next run can read once only."""
        self.earn(2)
        owed = self.ledger.balances("mature")
        listed = os.path.join(self.keys, "list")
        with open(listed, "w") as f:
            f.write(bitcoin.demo_address("bob"))
        self.set_payout(lists=[listed], screen=self.program(
            '*\'"sign"\'*) kill -9 $PPID ;;\n*) echo clear ;;\n'))
        self.payer.run("run", expect=-signal.SIGKILL)
        (payout,) = self.payer.payouts()
        self.assertEqual((payout["state"], payout["txid"]), ("reserved", ""))
        self.assertEqual(self.ledger.balances("mature"), {"bob": owed["bob"]})
        self.set_payout(lists=[], screen="")
        status, _, why = self.payer.try_run("run")
        self.assertEqual((status, why), (0, ""))
        self.confirm()
        payouts = [self.payer.ask("show", o["id"]) for o in self.payer.payouts()]
        self.assertEqual([o["state"] for o in payouts], ["confirmed", "confirmed"])
        self.assertEqual({r["miner"]: r["paid"] for o in payouts for r in o["recipients"]}, owed)
        for payout in payouts:
            self.check_transaction(payout)
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()


def shares_of(fee, dues):
    """The fee's parts by largest remainder, ties to the lower id."""
    total = sum(dues.values())
    parts = {m: fee * due // total for m, due in dues.items()}
    by_rest = sorted(dues, key=lambda m: (-(fee * dues[m] % total), m))
    for miner in by_rest[: fee - sum(parts.values())]:
        parts[miner] += 1
    return parts


class PayeesPay(Limited):
    work = {"alice": 40, "bob": 18}  # little is left for carol

    def test_the_fee_is_shared_and_who_would_pay_too_much_of_it_waits(self):
        self.earn()
        owed = self.ledger.balances("mature")
        self.rate = 100000
        fees = {"paid_by": "payees", "fallback": self.rate, "max_share_ppm": 1000000}
        self.set_payout(fee=fees)
        (all_three,) = self.payer.ask("plan")["payouts"]
        parts = shares_of(all_three["fee"], owed)
        self.assertEqual({r["miner"]: r["fee"] for r in all_three["recipients"]}, parts)
        # A part below what all three would bear: the smallest waits, then it is borne.
        limit = all_three["fee"] * 1000000 // sum(owed.values())
        self.set_payout(fee={"max_share_ppm": limit})
        plan = self.payer.ask("plan")
        self.assertEqual([(w["miner"], w["reason"]) for w in plan["waits"]],
                         [("carol", "fee_share")])
        carry = owed.pop("carol")
        payout = self.pay()
        parts = shares_of(plan["fee"], owed)
        self.assertEqual(payout["fee"], plan["fee"])
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]},
                         {m: due - parts[m] for m, due in owed.items()})
        self.assertEqual(self.ledger.balances("mature"), {"carol": carry})
        for recipient in payout["recipients"]:
            self.check_statement(recipient, payout["txid"])
        self.assertNotIn("network_fee", self.ledger.accounts())


class FreshAddresses(PayoutTest):
    """A coinbase's address is its height's."""

    def more(self):
        shown = Payer(self.keys, os.path.join(self.keys, "key.json")).run("key", "show", self.key)
        self.descriptor = descriptors_in(shown)["receive"]
        return {"coinbase": {"address": None, "descriptor": self.descriptor}}

    def test_blocks_of_several_heights_are_spent_by_one_payment(self):
        key = hdkeys.PublicKey.read(re.search(r"tpub\w+", self.descriptor).group())
        found = self.earn(3)
        scripts = {}
        for block_hash in found:
            height = self.ledger.block(block_hash)["height"]
            public = hdkeys.compressed(key.child(0).child(height).point)
            scripts[signing.p2wpkh_script(public)] = self.ledger.block(block_hash)["value_sat"]
        self.assertEqual(len(scripts), 3)
        self.assertEqual(self.payer.ask("plan")["free_coins"], 3)
        payout = self.pay()
        spent = self.spent_by(self.transaction(payout))
        self.assertEqual({script: value for value, script in spent}, scripts)
        self.assertEqual(self.ledger.balances("mature"), {})


class Purse(PayoutTest):
    def test_coins_are_joined_and_reserves_and_keys_are_shown(self):
        self.earn(4)
        owed = self.ledger.balances("mature")
        before = self.payer.ask("reserves")
        self.assertEqual((before["ok"], before["payable"], before["by_age"][0]["sat"]),
                         (True, sum(owed.values()), sum(owed.values())))
        self.assertEqual(before["free"], self.ledger.accounts()["coins.mature"])
        self.assertEqual(self.payer.run("reserves").splitlines()[-1], "covered")

        self.assertIn("payout.coins_max", self.payer.run("join", expect=3))
        self.set_payout(coins_max=2)
        self.assertIn("payout.consolidate_below", self.payer.run("join", expect=3))
        self.assertEqual(self.payer.payouts(), [])
        self.set_payout(consolidate_below=self.rate + 1)
        self.payer.run("join")
        joined = self.broadcast()
        self.assertEqual((joined["payees"], joined["paid"]), (0, 0))
        under_way = self.payer.ask("reserves")
        self.assertEqual((under_way["ok"], under_way["free"] + under_way["under_way"]),
                         (True, before["free"]))
        self.confirm()
        tx, spent = self.check_transaction(self.payer.ask("show", joined["id"]))
        self.assertEqual((len(spent), len(tx.outputs)), (3, 1))
        after = self.payer.ask("reserves")
        self.assertEqual((after["ok"], after["free"]), (True, before["free"] - joined["fee"]))
        self.assertEqual(self.payer.ask("plan")["free_coins"], 2)
        self.assertEqual(self.ledger.accounts()["network_fee"], joined["fee"])
        self.assertEqual(self.ledger.balances("mature"), owed)
        self.assertIn("payout.coins_max", self.payer.run("join", expect=3))
        self.check_ledger()
        self.set_payout(coins_max=200)
        self.pay()
        self.assertEqual(self.ledger.balances("mature"), {})

        checked = self.payer.run("key", "check", self.key)
        self.assertIn("its key gives these addresses", checked)
        shown = self.payer.run("key", "show", self.key)
        self.assertEqual(addresses_in(shown), self.addresses)
        self.assertEqual(descriptors_in(shown), descriptors_in(checked))


class Short(PayoutTest):
    """Shares are paid for before the blocks that they brought can be spent."""

    payout = {"scheme": "pps", "fee_percent": 2, "minimum": 1000}

    def test_what_is_payable_before_its_coins_are_is_shown_and_not_paid(self):
        for _ in range(3):
            self.wait_state(self.find_next("alice"), "accepted")
        self.shares("bob.rig", 1)
        self.wait_state(self.find_next("alice"), "accepted")
        wait_until(lambda: set(self.ledger.balances("mature")) == {"alice", "bob"}, 20, "credits")
        owed = self.ledger.balances("mature")
        status, said, _ = self.payer.try_run("reserves")
        self.assertEqual(status, 1)
        self.assertEqual(said.splitlines()[-1],
                         "SHORT: mature coins do not cover what is payable now")
        waits = self.payer.ask("plan")["waits"]
        self.assertEqual({w["miner"]: w["reason"] for w in waits},
                         {"alice": "no_coins", "bob": "no_coins"})
        self.assertIn("nobody can be paid now", self.payer.run("run", expect=3))
        self.assertEqual(self.payer.payouts(), [])
        self.node.generate(100)
        wait_until(lambda: self.payer.try_run("reserves")[0] == 0, 20, "coins that cover it", 0.2)
        self.pay()
        self.assertGreater(sum(owed.values()), 0)
        self.assertEqual(self.ledger.balances("mature"), {})
