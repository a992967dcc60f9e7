"""What time alone does to registrations, in live sessions."""

import datetime

from lib.case import KarizTest
from lib.faults import WithClock
from lib.wait import wait_until

DAY = 86400


class Expiry(WithClock, KarizTest):
    own_karizd = True
    miners = ()

    def setUp(self):
        self.start_with_clock()

    def day(self, days):

        now = datetime.datetime.fromtimestamp(self.clock.now(), datetime.timezone.utc)
        return (now + datetime.timedelta(days=days)).date().isoformat()

    def state(self, miner):
        return self.karizd.ask("miner", "show", miner)["state"]

    def test_a_certificate_that_ends_suspends_and_an_overdue_review_restricts(self):
        verified = {"on": self.day(-20), "by": "officer-1", "method": "seen_document"}
        self.karizd.register("ending", certificate={
            "number": "C-1", "authority": "Central Bank", "issued_on": self.day(-300),
            "valid_until": self.day(2), "verified": verified})
        self.karizd.register("overdue", risk={
            "level": "normal", "reviewed_on": self.day(-100), "next_review": self.day(2)})
        self.karizd.register("steady")
        rigs = {m: self.ready_rig(m + ".rig") for m in ("ending", "overdue", "steady")}
        for rig in rigs.values():
            rig.mine()
        self.clock.set(3.5 * DAY)  # whatever the hour, the days have passed in the zone
        rigs["ending"].wait_closed(5)
        wait_until(lambda: self.state("ending") == "suspended", 5, "the system's act")
        wait_until(lambda: self.state("overdue") == "restricted", 5, "the system's act")
        self.assertEqual(self.state("steady"), "active")
        for miner in ("overdue", "steady"):
            self.assertIs(self.rig_of(miner)["result"], True)
        self.assert_error(self.rig_of("ending"), 24, "not active")
        events = [(e["event"]["miner"], e["event"]["event"], e["event"]["actor"],
                   e["event"]["reason"])
                  for e in self.karizd.ask("audit", "show")
                  if e["event"]["role"] == "system" and e["event"]["miner"]]
        self.assertEqual(sorted(events), [
            ("ending", "suspended", "system", "certificate_expired"),
            ("overdue", "restricted", "system", "review_overdue")])
        self.assertIn("audit verify: ok", self.karizd.ctl("audit", "verify"))

    def rig_of(self, miner):
        rig = self.rig()
        rig.subscribe()
        return rig.authorize(miner + ".again")


if __name__ == "__main__":
    import unittest
    unittest.main()
