"""Five hundred miners with balances, and everything that may keep one from being paid."""

from lib import records, signing
from lib.wait import wait_until
from test_payout import PayoutTest

COUNT = 500
LOGINS = 250  # of one connection; it may have 256
PART = 50  # requests under way on a connection


class ManyMiners(PayoutTest):
    miners = tuple("miner%03d" % i for i in range(COUNT))
    addresses_of = {miner: signing.address_of_script(
                        signing.demo_script(miner, signing.KINDS[i % len(signing.KINDS)]))
                    for i, miner in enumerate(miners)}
    payout = {"fee_percent": 1, "window": 1000, "minimum": 1}
    suspended, dusty = "miner007", "miner010"
    patient = ("miner100", "miner200", "miner300")  # their own minima are above their parts

    @classmethod
    def register_all(cls, karizd):
        karizd.register_all([records.record(miner, [cls.addresses_of[miner]])
                             for miner in cls.miners])
        karizd.ask_each("miner_terms", [
            {"id": miner, "minimum": str(10**9), "basis": "letter"} for miner in cls.patient])
        karizd.ask_each("miner_terms", [
            {"id": cls.dusty, "fee-percent": "99.9999", "basis": "letter"}])

    def earn_shares(self):
        """A share of each, by as few connections as there may be."""
        for first in range(0, COUNT, LOGINS):
            rig = self.rig(karizd=self.karizd)
            logins = [m + ".rig" for m in self.miners[first : first + LOGINS]]
            rig.ready(logins[0])
            self.in_parts(rig, lambda login: rig.start_call("mining.authorize", login, "x"),
                          logins)
            self.in_parts(rig, lambda login: rig.start_call(
                "mining.submit", *rig.find(kind="share").params(login)), logins)
            rig.close()

    def in_parts(self, rig, start, logins):
        for first in range(0, len(logins), PART):
            for call in [start(login) for login in logins[first : first + PART]]:
                self.assertIs(rig.finish_call(call)["result"], True)

    def earn(self, blocks=1):
        self.earn_shares()
        found = self.find_next(self.miners[0])
        self.wait_state(found, "accepted")
        self.node.generate(100)
        self.wait_state(found, "mature")

    def test_who_can_be_paid_is_and_the_others_are_owed_it_still(self):
        self.earn()
        earned = self.ledger.balances("mature")
        self.assertEqual(set(earned), set(self.miners))
        self.karizd.ctl("miner", "suspend", self.suspended, "--reason", "suspicion", "--basis", "order 7")
        wait_until(lambda: self.suspended in self.ledger.balances("held"), 10, "a hold")

        waits = {w["miner"]: w["reason"] for w in self.payer.ask("plan")["waits"]}
        self.assertEqual(waits, {self.dusty: "dust", self.suspended: "held",
                                 **{m: "below_minimum" for m in self.patient}})
        del waits[self.suspended]  # its balance lies elsewhere
        payout = self.pay()
        paid = {r["miner"]: r["paid"] for r in payout["recipients"]}
        self.assertEqual(paid, {m: earned[m] for m in self.miners
                                if m not in waits and m != self.suspended})
        self.assertEqual(self.ledger.balances("mature"), {m: earned[m] for m in waits})
        self.assertEqual(self.ledger.balances("held"), {self.suspended: earned[self.suspended]})
        self.check_statements(payout)

        # Nothing stays owed for good: the hold ends, the minimum is lowered.
        self.karizd.ctl("miner", "resume", self.suspended, "--basis", "order 8")
        wait_until(lambda: not self.ledger.balances("held"), 10, "a release")
        for miner in self.patient:
            self.karizd.ctl("miner", "terms", miner, "--minimum", "pool", "--basis", "letter")
        second = self.pay()
        self.assertEqual({r["miner"]: r["paid"] for r in second["recipients"]},
                         {m: earned[m] for m in (self.suspended, *self.patient)})
        self.assertEqual(self.ledger.balances("mature"), {self.dusty: earned[self.dusty]})

    def check_statements(self, payout):
        statements = self.karizd.ask_each(
            "statement", [{"miner": r["miner"]} for r in payout["recipients"]])
        for recipient, statement in zip(payout["recipients"], statements):
            self.assertEqual(statement["miner"], recipient["miner"])
            self.check_paid_line(statement, recipient, payout["txid"])
            self.assertEqual((statement["paid"], statement["end"]), (recipient["paid"], 0))
        statement = self.karizd.ask("statement", self.suspended)
        self.assertIs(statement["sound"], True)
        self.assertEqual((statement["lines"][-1]["kind"], statement["at_end"]["held"]),
                         ("hold", statement["end"]))
