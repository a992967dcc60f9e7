"""Packages of reports made again, to the byte: here, later, and by a pool that was restored."""

import datetime
import json
import os
import shutil
import subprocess

from lib import reporting
from lib.faults import Clock, Connection, Redis, WithClock
from lib.karizd import REPORTS, Karizd, environment
from lib.wait import SCALE, wait_until
from test_backup import BackupTest
from test_payout import PayoutTest
from test_reports import ALL, Reports, this_month

DAY = 86400
ZONE = datetime.timezone(datetime.timedelta(hours=5))  # of Ashgabat
OF_WORK = {"R4", "R6", "R8"}


class Clocked(BackupTest):
    """Everything under one clock; Redis is a test's own: the embedded one hangs under
    libfaketime."""

    def start_redis(self, copy=None):
        redis = Redis(self.folder() + "/redis")
        if copy:
            shutil.copytree(copy, os.path.join(redis.data, "appendonlydir"))
        redis.start()
        self.addCleanup(redis.kill)
        return redis

    def start_karizd(self, node_list=None, **settings):
        self.redis = self.start_redis()
        self.karizd = Karizd(self.nodes, redis="unix://" + self.redis.path, **settings)
        self.addCleanup(self.karizd.close)
        self.clock = Clock(os.path.join(self.karizd.folder, "clock"))
        self.karizd.environment = self.clock.environment
        self.karizd.start()
        self.register_all(self.karizd)

    def today(self, zone=ZONE):
        return datetime.datetime.fromtimestamp(self.clock.now(), zone).date()

    def set_clock(self, seconds):
        """What runs looks at it once a second."""
        self.clock.set(seconds)

        def is_seen():
            self.karizd.ctl("reload")
            today = str(self.today(datetime.timezone.utc))
            return any(line.startswith(today) for line in self.karizd.lines[-20:])

        wait_until(is_seen, 10, "karizd has the new time", every=0.2)


class Reproduced(WithClock, PayoutTest, Clocked):
    maxDiff = None

    # --- packages ---

    def make(self, name, period, *words):
        folder = os.path.join(self.packages, name)
        reporting.signing(self.karizd, "report", "make", period, "--conf", self.karizd.config,
                          "--key", self.report_key, "--out", folder, *words,
                          extra=self.clock.environment)
        return folder

    def reproduce(self, folder):
        return reporting.reproduce(self.karizd, folder, self.clock.environment)

    def check_equal(self, folder):
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as f:
            files = len(json.load(f)["files"])
        self.assertEqual(self.reproduce(folder), {"ok": True, "files": files + 1, "notes": [],
                                                  "differences": []})

    def reports_that_differ(self, answer):
        return {d["file"].split(".")[0] for d in answer["differences"]}

    def place_in(self, answer, file):
        (one,) = [d for d in answer["differences"] if d["file"] == file]
        return one["place"], one["package"], one["again"]

    # --- what a pool does ---

    def live(self, name, work):
        """Shares, blocks, a payment, an orphan, refusals, changes of the registry, a
        decision."""
        self.work = work
        before = self.karizd.miner("alice").get("accepted") or 0
        self.earn()
        self.send()
        extra = self.find_next("bob")
        self.wait_state(extra, "accepted")
        if self.clock.offset == 0:  # another node does not know the other time
            height = self.ledger.block(extra)["height"]
            self.take_branch(self.branch(height), height, 2)
            self.wait_state(extra, "orphaned")
        for login in (name + ".rig", "nobody.rig"):
            rig = self.rig()
            rig.subscribe()
            self.assertTrue(rig.authorize(login)["error"])
        self.karizd.register(name, kind="individual_entrepreneur",
                             official_name="Oraz " + name, beneficial_owners=None)
        self.karizd.ctl("equipment", "end", name, "--its-id", "e1", "--basis", "sold")
        self.karizd.ctl("miner", "suspend", name, "--reason", "suspicion", "--basis", "x")
        self.karizd.ctl("alert", "decide", "over_declared", "--miner", "alice", "--decision",
                        "looked at: " + name)
        wait_until(lambda: self.karizd.miner("alice").get("accepted") == before + work["alice"],
                   20, "the shares are counted")

    def picture(self):
        ask = self.karizd.ask
        return {"balance": ask("balance"), "blocks": ask("blocks"),
                "statements": [ask("statement", m) for m in self.miners],
                "payouts": ask("payout", "list"), "miners": ask("miner", "list")}

    def restore_elsewhere(self):
        """On an empty machine, with an empty Redis; the head that the backup names."""
        made, key = self.create(self.folder()), self.kept_key()
        before = self.picture()
        self.karizd.kill()
        self.redis.kill()
        data_dir, _ = self.restore(made["path"], "--master-key", key, "--manifest",
                                   made["manifest"])
        self.redis = self.start_redis(os.path.join(made["path"], "redis", "appendonlydir"))
        shutil.rmtree(self.karizd.settings["data_dir"])
        self.karizd.write_settings(data_dir=data_dir, redis="unix://" + self.redis.path)
        self.karizd.start()
        self.ledger = type(self.ledger)(self.karizd)
        wait_until(lambda: not os.path.exists(os.path.join(data_dir, "restored")), 20,
                   "the audit chain was told")
        self.assertEqual(self.picture(), before)
        head = f"{made['audit']['seq']}:{made['audit']['hash']}"
        self.assertTrue(self.audit("--dir", data_dir + "/journal", "--head", head)["ok"])
        self.check_ledger()

    # --- alterations, taken back ---

    def altered(self, key, field, change):
        """What is said of `self.closed` while a field of a hash in Redis is another."""
        with Connection(self.redis.path) as c:
            value = c.call("HGET", key, field)
            c.call("HSET", key, field, change(value))
            answer = self.reproduce(self.closed)
            c.call("HSET", key, field, value)
        return answer

    def check_a_tally(self):
        with Connection(self.redis.path) as c:
            keys = sorted(k for k in c.call("KEYS", "tally:{test}:h:alice:*")
                          if len(k.decode().split(":")) == 5)
            field, row = c.call("HGETALL", keys[0])[:2]
        accepted = int.from_bytes(row[8:13], "little")
        answer = self.altered(keys[0], field, lambda v: v[:8] + (
            int.from_bytes(v[8:13], "little") + 1).to_bytes(5, "little") + v[13:])
        self.assertLessEqual({"R4"}, self.reports_that_differ(answer))
        self.assertLessEqual(self.reports_that_differ(answer), OF_WORK)
        place, was, is_now = self.place_in(answer, "R4.json")
        self.assertRegex(place, "^rows [0-9]+, accepted_shares$")
        self.assertEqual(int(is_now), int(was) + 1)
        self.assertGreaterEqual(int(was), accepted)

    def check_a_block(self, found):
        answer = self.altered("blk:{ledger}:" + found, "value_sat",
                              lambda v: str(int(v) + 5).encode())
        self.assertEqual(self.reports_that_differ(answer), {"R9-blocks"})
        place, was, is_now = self.place_in(answer, "R9-blocks.json")
        self.assertRegex(place, "^rows [0-9]+, fees_(btc|sat)$")
        self.assertNotEqual(was, is_now)
        self.assertRegex(self.place_in(answer, "R9-blocks.csv")[0], "^line [0-9]+, byte [0-9]+$")

    def check_an_entry(self):
        """One satoshi more for alice, and less for bob, where a block was booked."""
        with Connection(self.redis.path) as c:
            entries = c.call("XRANGE", "led:{ledger}", "-", "+")

            def write(change):
                c.call("DEL", "led:{ledger}")
                for number, (_, text) in entries:
                    c.call("XADD", "led:{ledger}", number, "e", change(json.loads(text)))

            def shift(entry):
                owed = {a: v for a, v in entry["postings"].items() if a.startswith("immature")}
                theirs = {m: [a for a in owed if a.endswith(m)] for m in ("alice", "bob")}
                if entry["kind"] == "block_accepted" and all(theirs.values()):
                    entry["postings"][theirs["alice"][0]] -= 1
                    entry["postings"][theirs["bob"][0]] += 1
                return as_text(entry)

            def as_text(entry):
                return json.dumps(entry, sort_keys=True, separators=(",", ":"))

            self.assertEqual([as_text(json.loads(t)).encode() for _, (_, t) in entries],
                             [t for _, (_, t) in entries])
            write(shift)
            answer = self.reproduce(self.closed)
            write(as_text)
        self.assertLessEqual({"R4", "R4-blocks", "R5"}, self.reports_that_differ(answer))
        self.assertRegex(self.place_in(answer, "R4-blocks.json")[0],
                         "^rows 1, credited_(btc|sat)$")

    # --- ---

    def test_a_closed_period_is_the_same_to_the_byte_after_a_restore(self):
        self.packages = self.folder()
        self.report_key = os.path.join(self.packages, "report.key")
        reporting.signing(self.karizd, "report", "key", "create", self.report_key)
        day = self.today()
        period = f"{day}..{day + datetime.timedelta(days=1)}"  # midnight may pass meanwhile
        self.live("first", {"alice": 4, "bob": 2, "carol": 1})
        found = self.karizd.ask("blocks")[-1]["hash"]

        # The period ends.
        self.node.rpc("setmocktime", int(self.clock.now()) + 3 * DAY)
        self.set_clock(3 * DAY)
        self.payer.extra = self.clock.environment
        self.closed = self.make("closed", period, "--reports", ALL)
        named = self.make("named", period, "--reports", "R1,R4,R5", "--level", "full",
                          "--request", "01-17/204")
        public = self.make("public", period, "--level", "public")
        own = self.make("own", period, "--level", "subject", "--miner", "alice")
        whole = (self.closed, named, public, own)
        running = self.make("running", str(self.today()), "--reports", ALL)
        for folder in whole:
            self.check_equal(folder)
        self.assertEqual(self.reproduce(running)["differences"], [])
        hour = int(self.clock.now()) // 3600

        # Everything happens again, in the period after it.
        last_hour = int(self.clock.now()) // 3600
        self.live("second", {"alice": 3, "bob": 3, "carol": 1})
        for folder in whole:
            self.check_equal(folder)
        self.restore_elsewhere()
        for folder in whole:
            self.check_equal(folder)

        # Of a period that was not over, work is not.
        answer = self.reproduce(running)
        self.assertIn("before its period was over", answer["notes"][0])
        self.assertEqual(self.reports_that_differ(answer),
                         {"R4", "R6"} if last_hour == hour else set())

        self.check_a_tally()
        self.check_a_block(found)
        self.check_an_entry()
        self.check_equal(self.closed)


class MadeAgain(Reports):
    def reproduce(self, folder, expect=0, conf=None):
        """What was said; nothing stays behind."""
        own = os.path.join(self.folder, "tmp")
        os.makedirs(own, exist_ok=True)
        done = subprocess.run(
            self.karizd.command("report", "reproduce", folder, "--conf",
                                conf or self.karizd.config), capture_output=True, text=True,
            check=False, timeout=60 * SCALE, env={**environment(), "TMPDIR": own},
            stdin=subprocess.DEVNULL)
        said = done.stdout + done.stderr
        self.assertEqual(os.listdir(own), [])
        if done.returncode != expect or REPORTS.search(said):
            raise AssertionError(f"report reproduce: {done.returncode}\n{said}")
        return said

    def test_it_is_equal_without_a_key_whatever_was_registered_since(self):
        self.mine_block("alice.rig")
        out, _ = self.make(this_month(), "--reports", ALL)
        named, _ = self.make(this_month(), "--reports", "R1,R5", "--level", "full", "--request",
                             "01-17/205")
        self.karizd.register("since")
        self.karizd.ctl("miner", "suspend", "since", "--reason", "suspicion", "--basis", "x")
        again, _ = self.make(this_month(), "--reports", "R1,R2", "--previous", out)
        for folder in (out, named, again):
            said = self.reproduce(folder)
            files = len(self.manifest(folder)["files"]) + 1
            self.assertIn(f"report reproduce: equal, {files} files", said)
            self.assertIn("note: made before its period was over", said)
            self.assertEqual(said.count("note: "), 1)

    def test_what_is_not_as_it_was_is_a_note(self):
        out, _ = self.make(this_month(), "--reports", "R1,R2")
        conf = os.path.join(self.folder, "other.json")
        with open(self.karizd.config, encoding="utf-8") as f:
            settings = json.load(f)
        settings["registry"]["operator"] = "Another"
        with open(conf, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        said = self.reproduce(out, conf=conf)
        self.assertIn('the operator was "Functional test", the settings say "Another"', said)
        self.assertIn("report reproduce: equal", said)
        settings["registry"]["jurisdiction"] = "kz"
        with open(conf, "w", encoding="utf-8") as f:
            json.dump(settings, f)
        self.assertIn("another jurisdiction", self.reproduce(out, 1, conf))

    def test_what_cannot_be_made_again_says_why(self):
        out, _ = self.make(this_month(), "--reports", "R1")
        void = self.place()
        self.signing("report", "cancel", out, "--conf", self.karizd.config, "--key", self.key,
                     "--out", void)
        self.assertIn("a cancellation has no reports", self.reproduce(void, 1))
        self.assertIn("No such file", self.reproduce("/nowhere", 1))
        with open(os.path.join(out, "R1.csv"), "ab") as f:
            f.write(b" ")
        self.assertIn("R1.csv: has", self.reproduce(out, 1))
        self.assertIn("is needed", self.reproduce_without_settings(out))

    def reproduce_without_settings(self, folder):
        done = subprocess.run(self.karizd.command("report", "reproduce", folder), text=True,
                              capture_output=True, check=False, env=environment())
        self.assertEqual(done.returncode, 2)
        return done.stderr
