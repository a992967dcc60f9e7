"""What a registration's state does to money: credited, held, paid, released."""

from lib.wait import wait_until
from test_payout import PayoutTest

ORDER = ("--authority", "Court of the city", "--document", "7-12")
WHY = ("--basis", "seen at the desk")


class States(PayoutTest):
    miners = ("alice", "bob", "carol", "dave", "erin")
    work = {"alice": 2, "bob": 2, "carol": 2, "dave": 2, "erin": 2}
    payout = {"fee_percent": 1, "window": 1000, "minimum": 1000}

    def setUp(self):
        super().setUp()
        self.earn()
        self.owed = self.ledger.balances("mature")

    def held(self):
        return self.ledger.balances("held")

    def wait_held(self, *miners):
        wait_until(lambda: set(self.held()) == set(miners), 10, f"{miners} are on hold")

    def miner(self, what, *args):
        return self.karizd.ctl("miner", what, *args)

    def test_each_state_holds_or_pays_and_nothing_is_forfeited(self):
        self.miner("freeze", "alice", "--reason", "suspicion", *WHY)
        self.miner("restrict", "bob", "--reason", "recheck_due", *WHY)
        self.miner("revoke", "carol", *ORDER)
        self.miner("close", "dave", "--document", "letter 9")
        self.wait_held("alice", "bob", "carol")
        self.assertEqual(self.held(), {m: self.owed[m] for m in ("alice", "bob", "carol")})
        payout = self.pay()
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]},
                         {m: self.owed[m] for m in ("dave", "erin")})
        # An order that sends it elsewhere pays nobody; the money stays where it is.
        self.miner("unfreeze", "alice", "--reason", "matter_settled", *WHY)
        self.miner("resume", "bob", *WHY)
        self.wait_held("carol")
        self.miner("release", "carol", "--reason", "release_to_owner", *WHY)
        self.wait_held()
        payout = self.pay()
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]},
                         {m: self.owed[m] for m in ("alice", "bob", "carol")})
        self.assertEqual(self.ledger.balances("mature"), {})
        self.assertRegex(self.karizd.ctl("audit", "verify"), "audit verify: ok")

    def test_what_goes_where_an_order_says_is_held_and_paid_to_nobody(self):
        self.miner("revoke", "erin", *ORDER)
        self.miner("release", "erin", "--reason", "release_to_order", *ORDER)
        self.wait_held("erin")
        self.pay()
        self.assertEqual(self.held(), {"erin": self.owed["erin"]})

    def test_one_that_is_closed_is_paid_below_the_least_payment_too(self):
        self.set_payout(minimum=10**12)
        self.assertEqual(self.payer.try_run("run")[0], 3)
        self.miner("close", "bob", "--document", "letter 9")
        payout = self.pay()
        self.assertEqual({r["miner"]: r["paid"] for r in payout["recipients"]},
                         {"bob": self.owed["bob"]})

    def test_a_freeze_between_plan_and_signature_gives_the_payment_up(self):
        self.payer.extra = {"KARIZ_FAULT": "settled:1"}
        self.assertEqual(self.payer.try_run("run")[0], -9)
        self.payer.extra = {}
        self.miner("freeze", "carol", "--reason", "court_order", *ORDER)
        self.payer.try_run("run")
        states = sorted(p["state"] for p in self.payer.payouts())
        self.assertIn("abandoned", states)
        self.assertEqual(self.ledger.balances("mature").get("carol", 0) +
                         self.held().get("carol", 0), self.owed["carol"])


if __name__ == "__main__":
    import unittest
    unittest.main()
