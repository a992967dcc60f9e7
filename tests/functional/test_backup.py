"""Backups: made while the pool works, checked, and put on an empty machine."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time

from lib import audit_check, reporting
from lib.case import KarizTest
from lib.faults import Connection, Redis, SentinelSet
from lib.karizd import REPORTS, Refused, environment, program
from lib.payer import PayerFailed
from lib.wait import SCALE, wait_until
from test_payout import PayoutTest

PREFIX = "kariz-backup-test-"
UNFINISHED = ".unfinished-"


def karizctl(*args, expect=0, **how):
    """Without any daemon: what it said on both outputs."""
    env = {**environment(), **how.pop("extra", {})}
    done = subprocess.run([program("karizctl"), *args], capture_output=True, text=True,
                          timeout=120 * SCALE, env=env, stdin=subprocess.DEVNULL, **how)
    said = done.stdout + done.stderr
    if done.returncode != expect or REPORTS.search(said):
        raise AssertionError(f"karizctl {args} ended with {done.returncode}:\n{said}")
    return said


def files_of(folder):
    """{name from there: path}"""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            found[os.path.relpath(path, folder)] = path
    return found


class BackupTest(KarizTest):
    """With what every test here needs; `karizd` is the pool."""

    def folder(self):
        path = tempfile.mkdtemp(prefix="kariz-backups-")
        self.addCleanup(shutil.rmtree, path, True)
        return path

    def create(self, dir, *args):
        """The answer to backup create; names have whole seconds, so a second one waits."""
        made = []

        def is_made():
            try:
                made.append(self.karizd.ask("backup", "create", dir, *args))
            except Refused as e:
                if "is there already" not in str(e):
                    raise
            return made

        wait_until(is_made, 30, "a backup is made")
        return made[0]

    def key_of(self, karizd=None):
        return os.path.join((karizd or self.karizd).settings["data_dir"], "vault",
                            "master.key")

    def kept_key(self):
        """A copy of the vault's key, as an operator keeps one."""
        kept = os.path.join(self.folder(), "kept.key")
        shutil.copyfile(self.key_of(), kept)
        os.chmod(kept, 0o600)
        return kept

    def restore(self, path, *args, to=None, **how):
        to = to or os.path.join(self.folder(), "data")
        return to, karizctl("backup", "restore", path, "--to", to, *args, **how)

    def backups_in(self, dir):
        """(finished, unfinished)"""
        names = sorted(os.listdir(dir))
        return ([n for n in names if n.startswith(PREFIX)],
                [n for n in names if n.startswith(UNFINISHED)])

    def audit(self, *args):
        return json.loads(karizctl("audit", "verify", *args, "--json"))


class Restored(PayoutTest, BackupTest):
    """A pool with money in it, and what a restored one says of it."""

    miners = ("alice", "bob", "carol")

    def picture(self):
        """What people and regulators are told, apart from what moves by itself."""
        ask = self.karizd.ask
        return {"balance": ask("balance"),
                "statements": [ask("statement", m) for m in self.miners],
                "miners": ask("miner", "list"),
                "blocks": ask("blocks"),
                "payouts": ask("payout", "list"),
                "workers": [(w["worker"], w["work"], w["accepted"]) for w in ask("workers")]}

    def reports(self, name):
        """What reports say of this month, but for the chain's own growth."""
        folder = os.path.join(self.key_folder, name)
        reporting.signing(self.karizd, "report", "make", time.strftime("%Y-%m", time.gmtime(
            time.time() + 5 * 3600)), "--conf", self.karizd.config, "--key", self.report_key,
            "--out", folder, "--reports", ",".join(self.SAME))
        made = {n: reporting.report(folder, n) for n in self.SAME}
        for one in made.values():
            del one["generated_at"]
        return made

    SAME = ("R1", "R3", "R4", "R4-blocks", "R5", "R6", "R7", "R9-blocks")

    def make_report_key(self):
        self.key_folder = self.folder()
        self.report_key = os.path.join(self.key_folder, "report.key")
        reporting.signing(self.karizd, "report", "key", "create", self.report_key)

    def move_to(self, data_dir):
        """The daemon goes on with another data_dir."""
        self.karizd.write_settings(data_dir=data_dir)
        self.karizd.start()
        self.ledger = type(self.ledger)(self.karizd)

    def settle(self):
        """All shares are in Redis, and so on the disk."""
        wait_until(lambda: self.karizd.miner("alice").get("accepted") == self.work["alice"] + 3,
                   20, "the last shares are counted")

    def test_a_restored_pool_is_the_same_pool(self):
        self.earn()
        self.send()
        self.shares("alice.late", 3)
        self.settle()
        before = self.picture()
        self.make_report_key()
        reports = self.reports("before")
        chain = self.karizd.ctl("audit", "export")
        made = self.create(self.folder())
        head = f"{made['audit']['seq']}:{made['audit']['hash']}"
        kept = self.kept_key()
        self.shares("bob.lost", 2)
        self.karizd.kill()

        data_dir, said = self.restore(made["path"], "--master-key", kept, "--manifest",
                                      made["manifest"])
        self.assertIn("audit head " + head, said)
        self.assertIn("the vault opens with its key", said)
        self.assertIn("must not run any more", said)
        self.move_to(data_dir)
        wait_until(lambda: not os.path.exists(os.path.join(data_dir, "restored")), 20,
                   "the audit chain was told")
        self.settle()
        self.assertEqual(self.picture(), before)
        self.check_ledger()
        again = self.karizd.ctl("audit", "export")
        self.assertTrue(again.startswith(chain))
        newest = json.loads(again.splitlines()[-1])["event"]
        self.assertEqual((newest["event"], newest["detail"]["manifest"]),
                         ("restored", made["manifest"]))
        audit_check.check_chain(again.encode().splitlines(True),
                                (made["audit"]["seq"], made["audit"]["hash"]))
        self.assertTrue(self.audit("--dir", data_dir + "/journal", "--head", head)["ok"])
        self.assertEqual(self.reports("after"), reports)
        again = self.karizd.ctl("audit", "export")
        # It is told once.
        self.karizd.stop()
        self.karizd.start()
        self.assertEqual(self.karizd.ctl("audit", "export"), again)
        # And goes on as a pool does.
        self.earn()
        self.check_ledger()

    def test_what_was_paid_after_the_backup_is_not_paid_again(self):
        self.earn()
        made = self.create(self.folder())
        kept = self.kept_key()
        owed = self.ledger.balances("mature")
        self.send()
        paid = self.karizd.ask("payout", "list")
        self.karizd.kill()
        data_dir, _ = self.restore(made["path"], "--master-key", kept)
        self.move_to(data_dir)
        self.assertEqual(self.ledger.balances("mature"), owed)
        with self.assertRaises(PayerFailed) as refused:
            self.payer.run("run")
        self.assertIn("spent", refused.exception.said)
        self.payer.run("recover", "--yes")
        self.assertEqual([p["txid"] for p in self.karizd.ask("payout", "list")],
                         [p["txid"] for p in paid])
        self.assertEqual(self.ledger.balances("mature"), {})
        self.check_ledger()
        self.payer.run("run", expect=3)


class Checked(BackupTest):
    miners = ("alice", "bob")

    def test_it_is_whole_and_the_audit_chain_was_told(self):
        dir = self.folder()
        made = self.create(dir)
        self.assertEqual(self.backups_in(dir), ([made["name"]], []))
        self.assertEqual(os.stat(made["path"]).st_mode & 0o777, 0o700)
        said = karizctl("backup", "verify", made["path"], "--manifest", made["manifest"])
        self.assertIn("backup verify: ok", said)
        with open(os.path.join(made["path"], "manifest.json"), "rb") as f:
            text = f.read()
        self.assertEqual(hashlib.sha256(text).hexdigest(), made["manifest"])
        self.assertEqual(audit_check.canonical(json.loads(text)), text)
        for row in json.loads(text)["files"]:
            with open(os.path.join(made["path"], row["name"]), "rb") as f:
                data = f.read()
            self.assertEqual((len(data), hashlib.sha256(data).hexdigest()),
                             (row["size"], row["sha256"]), row["name"])
        event = json.loads(self.karizd.ctl("audit", "export").splitlines()[-1])["event"]
        self.assertEqual((event["event"], event["detail"]["manifest"], event["role"]),
                         ("backup_made", made["manifest"], "operator"))
        self.assertTrue(self.audit("--dir", made["path"] + "/journal")["ok"])

    def test_another_manifest_than_the_noted_one_is_told(self):
        made = self.create(self.folder())
        said = karizctl("backup", "verify", made["path"], "--manifest", "00" * 32, expect=1)
        self.assertIn("not the one whose SHA-256 was noted", said)

    def test_the_vaults_key_is_in_it_only_when_that_is_asked_for(self):
        made = self.create(self.folder())
        self.assertNotIn("vault/master.key", files_of(made["path"]))
        self.assertIn("vault/keys/alice", files_of(made["path"]))
        made = self.create(self.folder(), "--with-master-key")
        key = files_of(made["path"])["vault/master.key"]
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        _, said = self.restore(made["path"])
        self.assertIn("the vault opens with its key", said)

    def test_a_changed_byte_in_any_file_is_named(self):
        made = self.create(self.folder())
        found = files_of(made["path"])
        self.assertGreater(len(found), 12)
        for name, path in sorted(found.items()):
            with self.subTest(name=name):
                with open(path, "r+b") as f:
                    data = f.read()
                    for at in {0, len(data) // 2}:
                        f.seek(at)
                        f.write(bytes([data[at] ^ 1]))
                        f.flush()
                        said = karizctl("backup", "verify", made["path"], expect=1)
                        self.assertIn(name.replace("manifest.sha256", "manifest.json"), said)
                        f.seek(at)
                        f.write(data[at:at + 1])
                        f.flush()
        karizctl("backup", "verify", made["path"])

    def test_what_is_missing_too_much_or_cut_is_named(self):
        made = self.create(self.folder())
        path = files_of(made["path"])["journal/id"]
        os.rename(path, path + ".away")
        said = karizctl("backup", "verify", made["path"], expect=1)
        self.assertIn("journal/id is missing", said)
        self.assertIn("journal/id.away is too much", said)
        os.rename(path + ".away", path)
        with open(path, "ab") as f:
            f.write(b"\n")
        self.assertIn("journal/id has 34 bytes, and had 33",
                      karizctl("backup", "verify", made["path"], expect=1))
        os.truncate(path, 33)
        os.symlink("id", path + "2")
        self.assertIn("journal/id2 is too much",
                      karizctl("backup", "verify", made["path"], expect=1))
        os.unlink(path + "2")
        os.unlink(os.path.join(made["path"], "manifest.sha256"))
        self.assertIn("no backup", karizctl("backup", "verify", made["path"], expect=1))

    def test_a_restore_is_refused_where_it_would_harm(self):
        made = self.create(self.folder())
        key = self.kept_key()
        to, _ = self.restore(made["path"], "--master-key", key)
        before = {name: os.stat(path).st_mtime_ns for name, path in files_of(to).items()}
        _, said = self.restore(made["path"], "--master-key", key, to=to, expect=1)
        self.assertIn("is not empty", said)
        self.assertEqual({name: os.stat(path).st_mtime_ns
                          for name, path in files_of(to).items()}, before)
        _, said = self.restore(made["path"], expect=1)
        self.assertIn("--master-key", said)
        wrong = os.path.join(self.folder(), "wrong.key")
        with open(wrong, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("11" * 32 + "\n")
        to, said = self.restore(made["path"], "--master-key", wrong, expect=1)
        self.assertIn("the vault does not open", said)
        self.assertNotIn("restored", os.listdir(to))
        with open(files_of(made["path"])["settings.json"], "ab") as f:
            f.write(b" ")
        to, said = self.restore(made["path"], "--master-key", key, expect=1)
        self.assertIn("settings.json has", said)
        self.assertFalse(os.path.exists(to))

    def test_wrong_words_are_refused_with_a_reason(self):
        with self.assertRaisesRegex(Refused, "backup.dir is not set"):
            self.karizd.ask("backup", "create")
        with self.assertRaisesRegex(Refused, "cannot be used"):
            self.karizd.ask("backup", "create", "/nowhere/at/all")
        karizctl("backup", "restore", "/nowhere", expect=2)
        karizctl("backup", "verify", "/nowhere", "--manifest", "12", expect=2)
        self.assertIn("cannot be opened", karizctl("backup", "verify", "/nowhere", expect=1))
        with self.assertRaisesRegex(Refused, "a daemon uses"):
            self.karizd.ask("backup", "create", self.folder(), "--conf", self.karizd.config)


class UnderLoad(BackupTest):
    own_karizd = True
    settings = {"journal": {"segment_mb": 1, "keep_hours": 0}}

    def test_shares_blocks_and_registrations_go_on_meanwhile(self):
        self.start_karizd()
        dir, key = self.folder(), self.kept_key()
        is_over, broken, registered = threading.Event(), [], []

        def mine():
            rig = self.rig()
            rig.ready("alice.rig")
            try:
                while not is_over.is_set():
                    rig.mine("share")
            except Exception as e:  # noqa: BLE001: told by the test
                broken.append(e)
            rig.close()

        def register():
            try:
                while not is_over.is_set():
                    registered.append(f"new-{len(registered)}")
                    self.karizd.register(registered[-1])
            except Exception as e:  # noqa: BLE001
                broken.append(e)

        threads = [threading.Thread(target=t) for t in (mine, mine, register)]
        for t in threads:
            t.start()
        made = [self.create(dir) for _ in range(4)]
        is_over.set()
        for t in threads:
            t.join()
        self.assertEqual(broken, [])
        self.assertGreater(len(registered), 3)
        for one in made:
            self.check_one(one, key)

    def check_one(self, made, key):
        karizctl("backup", "verify", made["path"])
        to, _ = self.restore(made["path"], "--master-key", key)
        self.assertIn("journal verify: ok", karizctl("journal", "verify", "--dir",
                                                     to + "/journal", "--network", "regtest"))
        self.karizd.stop()
        self.karizd.write_settings(data_dir=to)
        self.karizd.start()
        head = f"{made['audit']['seq']}:{made['audit']['hash']}"
        self.assertTrue(self.audit("--dir", to + "/journal", "--head", head)["ok"])
        status = self.karizd.status()
        self.assertEqual((status["redis"]["state"], status["redis"]["alarm"],
                          status["registry"]["alarm"]), ("ready", "", ""))


class OfARedisOfOnesOwn(BackupTest):
    own_karizd = True

    def server(self, kind, copy=None):
        redis = kind(self.folder())
        if copy:
            shutil.copytree(copy, os.path.join(redis.data, "appendonlydir"))
        redis.start()
        self.addCleanup(redis.kill)
        return redis

    def test_it_starts_from_the_copy_and_the_journal_gives_what_it_lacks(self):
        redis = self.server(Redis)
        self.start_karizd(redis="unix://" + redis.path)
        self.ready_rig().mine("share")
        made = self.create(self.folder(), "--with-master-key")
        self.karizd.stop()
        redis.kill()
        to, said = self.restore(made["path"])
        self.assertIn("Redis is your own (unix)", said)
        self.assertNotIn("redis", os.listdir(to))
        redis = self.server(Redis, os.path.join(made["path"], "redis", "appendonlydir"))
        self.karizd.write_settings(data_dir=to, redis="unix://" + redis.path)
        self.karizd.start()
        wait_until(lambda: self.karizd.miner("alice").get("accepted") == 1, 10)
        self.assertEqual(self.karizd.status()["redis"]["alarm"], "")

    def test_one_that_may_not_be_copied_is_told(self):
        redis = self.server(Redis)
        self.start_karizd(redis="unix://" + redis.path)
        with Connection(redis.path) as c:
            c.call("ACL", "SETUSER", "default", "-sync")
        dir = self.folder()
        with self.assertRaisesRegex(Refused, "Redis refused SYNC: -NOPERM"):
            self.create(dir)
        self.assertEqual(os.listdir(dir), [])

    def test_the_server_that_sentinels_name_is_copied(self):
        redis = SentinelSet(self.folder())
        redis.start()
        self.addCleanup(redis.kill)
        self.start_karizd(redis=redis.settings())
        made = self.create(self.folder())
        karizctl("backup", "verify", made["path"])
        base = files_of(made["path"])["redis/appendonlydir/appendonly.aof.1.base.rdb"]
        with open(base, "rb") as f:
            self.assertIn(b"miners:{registry}", f.read())


class Daily(BackupTest):
    own_karizd = True

    def last(self):
        return (self.karizd.status()["backup"]["last"] or {}).get("name")

    def test_the_first_is_made_at_once_and_old_ones_go(self):
        dir = os.path.join(self.folder(), "daily")
        self.start_karizd(backup={"dir": dir, "keep": 2})
        first = wait_until(self.last, 20, "a first backup") or self.last()
        event = json.loads(self.karizd.ctl("audit", "export").splitlines()[-1])["event"]
        wait_until(lambda: "backup_made" in self.karizd.ctl("audit", "export"), 10)
        names = [first]
        for _ in range(3):
            names.append(self.create(dir)["name"])
        wait_until(lambda: self.backups_in(dir) == (names[-2:], []), 20, "old ones are gone")
        shown = self.karizd.ctl("status")
        self.assertIn(names[-1], shown)
        self.assertNotIn("ALARM      backup", shown)
        self.assertEqual(event["event"] == "backup_made" and event["actor"], "system")
        # It is not made again by the next start.
        self.karizd.stop()
        self.karizd.start()
        self.assertEqual(self.last(), names[-1])
        self.assertEqual(self.backups_in(dir)[0], names[-2:])

    def test_one_that_was_slept_through_is_made_up_for_and_its_lack_is_an_alarm(self):
        dir = self.folder()
        os.mkdir(os.path.join(dir, PREFIX + "20250101T020000Z"))
        with open(os.path.join(dir, "in-the-way"), "w"):
            pass
        self.start_karizd(backup={"dir": os.path.join(dir, "in-the-way"), "keep": 1})
        wait_until(lambda: "there is no backup" in self.karizd.status()["backup"]["alarm"], 20,
                   "an alarm")
        self.assertIn("ALARM      backup: there is no backup", self.karizd.ctl("status"))
        self.karizd.stop()
        self.karizd.write_settings(backup={"dir": dir})
        self.karizd.start()
        wait_until(lambda: PREFIX + "20250101T020000Z" not in os.listdir(dir), 20,
                   "a newer one took its place")
        (name,), _ = self.backups_in(dir)
        karizctl("backup", "verify", os.path.join(dir, name))


class Killed(BackupTest):
    own_karizd = True

    def kill_at(self, dir, point):
        self.karizd.stop()
        self.karizd.environment = {"KARIZ_FAULT": point}
        self.karizd.start()
        with self.assertRaises(Refused):
            self.create(dir)
        wait_until(lambda: self.karizd.process.poll() is not None, 20, "it is dead")
        self.karizd.kill()
        self.karizd.environment = {}
        self.karizd.start()

    def test_at_any_moment_nothing_looks_whole_that_is_not(self):
        self.start_karizd()
        whole = 0
        for point in ("backup_begins:1", "backup_file_written:1", "backup_file_written:7",
                      "backup_manifest_written:1", "backup_before_rename:1",
                      "backup_renamed:1"):
            with self.subTest(point=point):
                dir = self.folder()
                self.kill_at(dir, point)
                for name in self.backups_in(dir)[0]:
                    karizctl("backup", "verify", os.path.join(dir, name))
                    whole += 1
                made = self.create(dir)
                finished, unfinished = self.backups_in(dir)
                self.assertEqual((finished[-1], unfinished), (made["name"], []))
        self.assertEqual(whole, 1)

    def test_a_killed_restore_is_no_data_dir(self):
        self.start_karizd()
        made, key = self.create(self.folder(), "--with-master-key"), ()
        self.karizd.stop()
        for point in ("restore_file_copied:1", "restore_file_copied:9", "restore_before_end:1"):
            with self.subTest(point=point):
                to, _ = self.restore(made["path"], *key, expect=-9,
                                     extra={"KARIZ_FAULT": point})
                self.karizd.write_settings(data_dir=to)
                self.karizd.spawn()
                self.karizd.wait_log("data_dir_half_restored", 10, self.karizd.mark)
                self.karizd.process.wait(20 * SCALE)
                self.karizd.stop(expect=1)
                _, said = self.restore(made["path"], to=to, expect=1)
                self.assertIn("a restore was interrupted there", said)
                shutil.rmtree(to)
                self.restore(made["path"], to=to)
                self.karizd.start()
                self.karizd.stop()


class Offline(BackupTest):
    own_karizd = True

    def create_offline(self, dir, **how):
        return karizctl("backup", "create", dir, "--conf", self.karizd.config, **how)

    def test_one_is_made_where_no_daemon_runs(self):
        self.start_karizd()
        self.ready_rig().mine("share")
        for end in (self.karizd.stop, self.karizd.kill):
            with self.subTest(end=end.__name__):
                end()
                wait_until(lambda: not self.server_runs(), 20, "redis-server has ended")
                dir, key = self.folder(), self.kept_key()
                self.create_offline(dir)
                (name,), _ = self.backups_in(dir)
                to, _ = self.restore(os.path.join(dir, name), "--master-key", key)
                self.karizd.write_settings(data_dir=to)
                self.karizd.start()
                wait_until(lambda: self.karizd.miner("alice").get("accepted") == 1, 10)

    def server_runs(self):
        lock = os.path.join(self.karizd.settings["data_dir"], "redis", "server.lock")
        return subprocess.run(["flock", "-n", lock, "true"], check=False).returncode != 0

    def test_a_full_disk_leaves_nothing(self):
        self.start_karizd()
        self.karizd.stop()
        dir = self.folder()
        for limit in (0, 100, 40000, 300000):

            def limited(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            said = self.create_offline(dir, expect=1, preexec_fn=limited,
                                       restore_signals=False)
            self.assertIn("cannot be written", said)
            self.assertEqual(os.listdir(dir), [])
        self.create_offline(dir)
