"""The watcher view (R10): a secret web address that shows one miner's figures for a while."""

import concurrent.futures
import html.parser
import itertools
import json
import os
import signal
import subprocess
import time

from lib import bitcoin
from lib import node as nodes
from lib.case import KarizTest
from lib.faults import Connection
from lib.karizd import Karizd, Refused, listener
from lib.wait import SCALE, wait_until
from lib.web import Web

PERSONAL = ("Maral Orazowa", "maral@example.tm", "+99312345678", "1980-02-29", "Works of")
CLIENTS = (f"198.51.{a}.{b}" for a, b in itertools.product(range(256), range(256)))


class Page(html.parser.HTMLParser):
    """What a reader sees, and which tags and attributes there are."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tags, self.lang, self.hidden = [], [], None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.hidden = tag == "style"
        if tag == "html":
            self.lang = dict(attrs)["lang"]

    def handle_data(self, data):
        if not self.hidden and data.strip():
            self.text.append(data.strip())

    def has(self, text):
        return any(text in part for part in self.text)


class WatcherTest(KarizTest):
    miners = ("alice", "bob")
    settings = {"http": {"listen": "127.0.0.1:0", "url": "https://pool.example",
                         "proxies": ["127.0.0.1"]}}

    def setUp(self):
        super().setUp()
        self.web = self.new_web()

    def new_web(self):
        """Of an address that nobody had before: limits are counted by it."""
        return Web(self.http()["listen"], next(CLIENTS))

    def http(self):
        return self.karizd.status()["http"]

    def create(self, miner="alice", days=7):
        return self.karizd.ask("watcher", "create", miner, "--days", str(days))

    def data(self, made):
        answer = self.web.get_patiently(made["path"] + ".json")
        self.assertEqual(answer.status, 200, answer.raw[:300])
        return answer.json

    def redis(self, *words):
        path = os.path.join(self.karizd.settings["data_dir"], "redis/redis.sock")
        with Connection(path) as c:
            return c.call(*words)


class Watchers(WatcherTest):
    def test_an_address_is_made_shown_once_listed_and_taken_away(self):
        made = self.create(days=3)
        self.assertRegex(made["token"], "^[0-9a-f]{8}-[0-9a-f]{64}$")
        self.assertEqual(made["url"], "https://pool.example/watch/" + made["token"])
        listed = [w for w in self.karizd.ask("watcher", "list", "alice") if w["id"] == made["id"]]
        self.assertEqual([(w["miner"], w["until"], w["live"]) for w in listed],
                         [("alice", made["until"], True)])
        self.assertNotIn(made["token"][9:], json.dumps(self.karizd.ask("watcher", "list")))
        self.assertEqual(self.data(made)["miner"], "alice")
        self.karizd.ctl("watcher", "revoke", made["id"], "--basis", "asked by phone")
        self.assertEqual(self.web.get(made["path"]).status, 404)
        self.assertEqual(self.web.get(made["path"] + ".json").status, 404)
        self.assertNotIn(made["id"], str(self.karizd.ask("watcher", "list")))
        with self.assertRaisesRegex(Refused, "no watcher"):
            self.karizd.ctl("watcher", "revoke", made["id"])

    def test_people_are_shown_the_address_alone_on_a_line(self):
        said = self.karizd.ctl("watcher", "create", "bob", "--days", "1")
        self.assertRegex(said, r"(?m)^  https://pool\.example/watch/[0-9a-f]{8}-[0-9a-f]{64}$")
        self.assertRegex(self.karizd.ctl("watcher", "list"), r"(?m)^[0-9a-f]{8}\s+bob ")

    def test_what_cannot_be_is_refused_with_a_reason(self):
        for miner, days, reason in (("nobody", "1", "no miner"), ("alice", "0", "1 to 366"),
                                    ("alice", "367", "1 to 366"), ("alice", "7d", "1 to 366"),
                                    ("alice", "-1", "1 to 366")):
            with self.subTest(miner=miner, days=days), self.assertRaisesRegex(Refused, reason):
                self.karizd.ctl("watcher", "create", miner, "--days", days)
        with self.assertRaisesRegex(Refused, "1 to 366"):
            self.karizd.ctl("watcher", "create", "alice")
        for days in (1, 366):
            self.karizd.ctl("watcher", "revoke", self.create("alice", days)["id"])

    def test_a_miner_has_sixteen_at_most(self):
        self.karizd.register("crowded")
        made = [self.create("crowded") for _ in range(16)]
        with self.assertRaisesRegex(Refused, "at most 16"):
            self.create("crowded")
        self.karizd.ctl("watcher", "revoke", made[3]["id"])
        self.create("crowded")

    def test_those_that_are_asked_for_at_once_are_sixteen_at_most(self):
        self.karizd.register("hurried")
        for _ in range(15):
            self.create("hurried")

        def one(_):
            try:
                self.create("hurried")
            except Refused as e:
                self.assertRegex(str(e), "at most 16|try again")

        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            list(threads.map(one, range(12)))
        self.assertEqual(len(self.karizd.ask("watcher", "list", "hurried")), 16)

    def test_both_are_in_the_audit_chain_without_the_secret(self):
        self.karizd.register("audited")
        made = self.create("audited")
        self.karizd.ctl("watcher", "revoke", made["id"])
        events = self.karizd.ask("audit", "show", "audited")
        created, revoked = [e.get("event", e) for e in events[-2:]]
        self.assertEqual((created["event"], revoked["event"]),
                         ("watcher_created", "watcher_revoked"))
        self.assertEqual(created["detail"], {"watcher": made["id"], "until": made["until"]})
        self.assertEqual((created["miner"], created["reason"]), ("audited", "miner_request"))
        self.assertNotIn("sha256", json.dumps(created["detail"]))
        self.assertIn("audit verify: ok", self.karizd.ctl("audit", "verify"))

    def test_one_that_is_over_is_gone_and_leaves_no_fact_behind(self):
        made = self.create("bob")
        self.assertEqual(self.web.get_patiently(made["path"]).status, 200)
        name = "watcher:" + made["id"]
        fact = json.loads(self.redis("HGET", "facts:{registry}", name))
        fact["until"] = "2026-01-01T00:00:00.000Z"
        self.redis("HSET", "facts:{registry}", name, json.dumps(fact))
        self.redis("INCR", "version:{registry}")
        wait_until(lambda: [w for w in self.karizd.ask("watcher", "list", "bob")
                            if w["id"] == made["id"] and not w["live"]], 5, "it is over")
        self.assertEqual(self.web.get(made["path"]).status, 404)
        self.create("bob")
        self.assertIsNone(self.redis("HGET", "facts:{registry}", name))
        self.assertNotIn(made["id"], str(self.karizd.ask("watcher", "list")))

    def test_it_outlives_a_restart(self):
        made, taken = self.create(), self.create()
        self.karizd.ctl("watcher", "revoke", taken["id"])
        self.karizd.stop()
        self.karizd.start()
        self.web = self.new_web()
        self.assertEqual(self.data(made)["until"], made["until"])
        self.assertEqual(self.web.get(taken["path"]).status, 404)

    def test_the_secret_is_nowhere(self):
        made = self.create()
        self.data(made)
        self.web.get(made["path"][:-1] + ("0" if made["path"][-1] != "0" else "1"))
        secret = made["token"][9:]
        self.redis("BGREWRITEAOF")
        self.karizd.stop()
        found = subprocess.run(["grep", "-rlaF", secret, self.karizd.folder],
                               capture_output=True, text=True)
        self.assertEqual((found.returncode, found.stdout), (1, ""), found.stderr)
        raw = bytes.fromhex(secret)
        for folder, _, names in os.walk(self.karizd.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        self.assertNotIn(raw, f.read(), path)
        self.assertNotIn(secret, "\n".join(self.karizd.lines))
        self.assertIn("watch_gathered watcher=" + made["id"],
                      "\n".join(self.karizd.lines).replace('"', ""))
        self.karizd.start()


class Answers(WatcherTest):
    def test_every_answer_says_what_may_be_done_with_it(self):
        made = self.create()
        for path, method in ((made["path"], "GET"), (made["path"] + ".json", "GET"),
                             ("/watch/none", "GET"), ("/", "POST"), (made["path"], "HEAD")):
            with self.subTest(path=path[:8], method=method):
                headers = self.web.get_patiently(path, method=method).headers
                policy = headers["content-security-policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("frame-ancestors 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertNotIn("script-src", policy)
                for name, value in (("cache-control", "no-store"),
                                    ("referrer-policy", "no-referrer"),
                                    ("x-robots-tag", "noindex, nofollow"),
                                    ("x-content-type-options", "nosniff"),
                                    ("x-frame-options", "DENY"), ("connection", "close")):
                    self.assertEqual(headers[name], value)

    def test_the_page_runs_nothing_and_loads_nothing(self):
        text = self.web.get_patiently(self.create()["path"]).text
        page = Page(text)
        self.assertFalse({"script", "link", "img", "iframe", "form"} & set(page.tags), page.tags)
        self.assertNotRegex(text, r"(?i)\bon\w+=|url\(|@import|javascript:|https?://")

    def test_head_is_the_same_without_a_body(self):
        path = self.create()["path"] + ".json"
        whole = self.web.get_patiently(path)
        head = self.web.get_patiently(path, method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], str(len(whole.body)))

    def test_other_methods_are_refused(self):
        path = self.create()["path"]
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"):
            answer = self.web.get(path, method=method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))
        body = b"x" * 20000
        request = self.web.request(path, "POST", Content_Length=len(body)) + body
        self.assertEqual(self.web.send(request).status, 405)
        self.assertGreaterEqual(self.http()["other_methods"], 8)

    def test_wrong_tokens_are_one_and_the_same_404(self):
        live, over = self.create(), self.create()
        self.karizd.ctl("watcher", "revoke", over["id"])
        token = live["token"]
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        answers = set()
        for path in ("/watch/" + wrong, "/watch/" + "0" * 8 + token[8:], "/watch/",
                     "/watch/" + token[:-2], "/watch/" + token + "0", over["path"], "/",
                     "/watch/" + token.upper().replace("-", "_"), "/watch/../" + token,
                     "/watch/%00" + token, live["path"] + "/", "/status"):
            answer = self.new_web().get(path)
            self.assertEqual(answer.status, 404, path)
            del answer.headers["date"]
            answers.add((answer.body, str(sorted(answer.headers.items()))))
        self.assertEqual(len(answers), 1)
        self.assertEqual(self.new_web().get("/watch/x.json").json, {"error": "not found"})
        self.assertEqual(self.web.get_patiently(live["path"]).status, 200)

    def test_who_guesses_is_held_up_and_nobody_else(self):
        made = self.create()
        guesser, other = self.new_web(), self.new_web()
        seen = [guesser.get("/watch/" + made["id"] + "-" + "0" * 64).status for _ in range(8)]
        self.assertEqual(seen[:2], [404, 404])
        self.assertIn(429, seen)
        self.assertLess(seen.count(404), 5)
        answer = guesser.get(made["path"])
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "10"))
        self.assertEqual(other.get_patiently(made["path"]).status, 200)
        self.assertGreater(self.http()["limited"], 0)

    def test_the_language_is_asked_for_or_preferred_or_the_countrys(self):
        path = self.create()["path"]
        for query, accept, lang, word in (
                ("", None, "tk", "Heşreýt"), ("?lang=ru", None, "ru", "Хешрейт"),
                ("?lang=en", "ru", "en", "Hash rate"), ("", "de, ru-RU;q=0.5", "ru", "Хешрейт"),
                ("?lang=xx", "en;q=0.9", "en", "Hash rate"), ("", "de", "tk", "Heşreýt")):
            with self.subTest(query=query, accept=accept):
                headers = {"Accept_Language": accept} if accept else {}
                answer = self.web.get_patiently(path + query, **headers)
                page = Page(answer.text)
                self.assertEqual((page.lang, answer.headers["content-language"]), (lang, lang))
                self.assertTrue(page.has(word), page.text)

    def test_malformed_requests_are_answered_and_counted(self):
        before = self.http()["malformed"]
        good = self.web.request("/")
        for request in (b"GET /\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"nonsense\r\n\r\n",
                        b"GET http://x/ HTTP/1.1\r\n\r\n", good.replace(b"Host:", b"Host :"),
                        good.replace(b"\r\n\r\n", b"\r\n folded\r\n\r\n"),
                        b"GET /\x00 HTTP/1.1\r\n\r\n", b"\r\n\r\n"):
            with self.subTest(request=request):
                self.assertEqual(self.web.send(request).status, 400)
        self.assertEqual(self.http()["malformed"], before + 8)
        self.assertEqual(self.web.get("/" + "x" * 300).status, 414)

    def test_giant_headers_are_cut_off(self):
        before = self.http()["too_large"]
        answer = self.web.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 100000)
        self.assertIn(answer and answer.status, (431, None))
        wait_until(lambda: self.http()["too_large"] == before + 1, 5)

    def test_a_crowd_is_served_from_one_gathering(self):
        made = self.create()
        since = len(self.karizd.lines)
        webs = [self.new_web() for _ in range(30)]
        conns = [w.connect() for w in webs]
        for web, conn in zip(webs, conns):
            conn.sendall(web.request(made["path"] + ".json"))
        answers = [Web.read(conn) for conn in conns]
        for conn in conns:
            conn.close()
        self.assertEqual([a.status for a in answers], [200] * 30)
        self.assertEqual(len({a.body for a in answers}), 1)
        gathered = self.karizd.logged("watch_gathered.*" + made["id"], since)
        self.assertEqual(len(gathered), 1)

    def test_while_redis_is_silent_the_page_says_so(self):
        made, new = self.create(), self.create()
        pid = self.karizd.redis_pid()
        self.data(made)
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertEqual(self.web.get(made["path"] + ".json").status, 200)  # it is kept
            answer = self.web.get(new["path"] + ".json")
            self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "10"))
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.web.get_patiently(made["path"]).status, 200)


class Figures(WatcherTest):
    settings = {**WatcherTest.settings,
                "payout": {"direct": True, "fee_percent": 1, "window": 1000,
                           "direct_minimum": 10000},
                "stratum": {"listen": [listener(coinbase="large")]}}
    own_karizd = True

    @classmethod
    def make_nodes(cls):
        node = nodes.new_node().start()
        cls.addClassCleanup(node.remove)
        return [node]

    def setUp(self):
        self.start_karizd()
        super().setUp()

    def find_block(self, login):
        share = self.ready_rig(login).mine("block")
        found = bitcoin.display(share.hash)
        wait_until(lambda: self.nodes[0].tip() == found, 10, "the node has the block as tip")
        wait_until(lambda: [b for b in self.karizd.ask("blocks")
                            if b["hash"] == found and b.get("split")], 20, "the split")
        return found

    def wait_fresh(self, made, condition):
        """Views are kept for some seconds."""
        return wait_until(lambda: next((v for v in [self.data(made)] if condition(v)), None),
                          30, "the view has it", every=1)

    def test_what_is_seen_is_what_the_pool_has_and_only_that(self):
        mine = self.ready_rig("alice.rig<1>")
        for _ in range(5):
            mine.mine("share")
        other = self.ready_rig("bob.secret-hall")
        for _ in range(5):
            other.mine("share")
        first = self.find_block("alice.rig2")
        wait_until(lambda: self.karizd.status()["payees"] == 2, 60, "jobs pay both miners")
        second = self.find_block("alice.rig2")
        wait_until(lambda: self.karizd.miner("alice").get("accepted") == 7, 10, "the tally")
        made = self.create("alice")
        statement = self.karizd.ask("statement", "alice")
        view = self.wait_fresh(made, lambda v: len(v["credits"]) == 2)
        self.compare(view, statement)
        self.assertEqual([c["block"] for c in view["credits"]], [second, first])
        self.assertEqual(view["payments"], [])

        row = self.karizd.miner("alice")
        self.assertEqual([view["shares"][k] for k in ("accepted", "refused", "work")],
                         [row[k] for k in ("accepted", "refused", "work")])
        workers = {w["name"]: w for w in view["workers"]}
        self.assertEqual(set(workers), {"rig<1>", "rig2"})
        self.assertEqual(workers["rig<1>"]["live"], 1)
        self.assertEqual(workers["rig<1>"]["accepted"], 5)
        self.assertEqual((view["state"], view["certificate"]), ("active", "C-alice"))
        self.assertEqual(view["zone"], {"name": "Asia/Ashgabat", "utc_offset_minutes": 300})
        self.check_nothing_else(made)
        self.check_page(made, view)
        self.check_paid(made, second)

    def compare(self, view, statement):
        sat = {k: v["sat"] for k, v in view["balance"].items()}
        self.assertEqual(sat, {**statement["at_end"], "total": statement["end"]})
        for term in ("credited", "paid", "reversed", "adjusted"):
            self.assertEqual(view["period"][term]["sat"], statement[term])
        self.assertEqual(view["balance"]["total"]["btc"], "%d.%08d" % divmod(sat["total"], 10**8))
        credits = [(line["change"], line["reference"]) for line in statement["lines"]
                   if line["term"] == "credited"]
        self.assertEqual([(c["amount"]["sat"], c["block"]) for c in view["credits"]],
                         credits[::-1])

    def check_nothing_else(self, made):
        bob = bitcoin.demo_address("bob")
        for path in (made["path"], made["path"] + ".json"):
            body = self.web.get_patiently(path).text
            for text in (*PERSONAL, "bob", "secret-hall", bob, "C-bob", "127.0.0.1",
                         made["token"]):
                self.assertNotIn(text, body)

    def check_page(self, made, view):
        text = self.web.get_patiently(made["path"] + "?lang=en").text
        page = Page(text)
        self.assertTrue(page.has("rig<1>"))
        self.assertIn("rig&#60;1&#62;", text)
        self.assertTrue(page.has(view["balance"]["total"]["btc"]))
        self.assertTrue(page.has("UTC+05:00"))
        russian = Page(self.web.get_patiently(made["path"] + "?lang=ru").text)
        self.assertTrue(russian.has(view["balance"]["total"]["btc"].replace(".", ",")))

    def check_paid(self, made, block):
        self.nodes[0].generate(100)
        view = self.wait_fresh(made, lambda v: block in str(v["payments"]))
        payments = {p["reference"]: p for p in view["payments"]}
        payment = payments[block]
        self.assertEqual(sum(p["amount"]["sat"] for p in view["payments"]),
                         view["period"]["paid"]["sat"])
        outputs = [v for v, _ in self.nodes[0].block(block).txs[0].outputs]
        self.assertEqual(outputs[payment["vout"]], payment["amount"]["sat"])
        self.compare(view, self.karizd.ask("statement", "alice"))
        if os.environ.get("KARIZ_PAGES"):
            self.keep_pages(made)

    def keep_pages(self, made):
        """For eyes: the pages as they were."""
        for lang in ("tk", "ru", "en"):
            with open(os.path.join(os.environ["KARIZ_PAGES"], lang + ".html"), "wb") as f:
                f.write(self.web.get_patiently(made["path"] + "?lang=" + lang).body)

    def test_a_state_is_a_neutral_word(self):
        made = self.create("bob")
        self.assertEqual(self.data(made)["state"], "active")
        self.karizd.ctl("miner", "freeze", "bob", "--reason", "court_order", "--authority", "Court",
                        "--document", "77")
        self.karizd.ctl("miner", "suspend", "bob", "--reason", "suspicion", "--basis", "a letter")
        self.wait_fresh(made, lambda v: v["state"] == "paused")
        body = self.web.get_patiently(made["path"] + ".json").text
        for word in ("suspicion", "letter", "frozen", "court", "Court", "77"):
            self.assertNotIn('"%s' % word, body)


class Bounds(WatcherTest):
    """Without a proxy: everybody is who they are."""

    settings = {"http": {"listen": "127.0.0.1:0"}}
    miners = ("alice",)
    own_karizd = True

    def setUp(self):
        self.start_karizd()
        super().setUp()

    def new_web(self):
        return Web(self.http()["listen"])

    def test_connections_that_say_nothing_are_few_and_end(self):
        before = self.http()
        idle = [self.web.connect() for _ in range(20)]
        try:
            wait_until(lambda: self.http()["connects_refused"] >= 4, 5)
            self.assertEqual(self.http()["connections"], 16)
            for conn in idle:
                conn.settimeout(15 * SCALE)
                try:
                    self.assertEqual(conn.recv(1), b"")
                except ConnectionResetError:
                    pass
            wait_until(lambda: self.http()["connections"] == 0, 15, "all have ended")
            self.assertEqual(self.http()["timed_out"], before["timed_out"] + 16)
        finally:
            for conn in idle:
                conn.close()
        self.assertEqual(self.web.get("/").status, 404)

    def test_a_request_that_comes_byte_by_byte_has_ten_seconds(self):
        started = time.monotonic()
        with self.web.connect() as s:
            with self.assertRaises(OSError):
                while time.monotonic() - started < 30 * SCALE:
                    s.sendall(b"x")
                    time.sleep(0.25)
        self.assertLess(time.monotonic() - started, 14 * SCALE)

    def test_many_requests_are_too_many(self):
        seen = [self.web.get("/watch/x", method="POST").status for _ in range(100)]
        self.assertIn(429, seen)
        self.assertEqual(seen[:50], [405] * 50)
        self.assertEqual(self.http()["limited"], seen.count(429))

    def test_a_client_that_names_another_is_not_believed(self):
        forger = Web(self.http()["listen"])
        seen = []
        for i in range(8):
            forger.client = f"192.0.2.{i}"
            seen.append(forger.get("/watch/x").status)
        self.assertIn(429, seen)

    def test_who_leaves_before_the_answer_is_no_matter(self):
        made = self.create()
        for _ in range(5):
            with self.web.connect() as s:
                s.sendall(self.web.request(made["path"]))
        wait_until(lambda: self.http()["connections"] == 0, 10)
        self.assertEqual(self.web.get_patiently(made["path"]).status, 200)


class Off(KarizTest):
    def test_nothing_listens_unless_it_is_set(self):
        self.assertEqual(self.karizd.status()["http"], {"listen": ""})
        made = self.karizd.ask("watcher", "create", "alice", "--days", "1")
        self.assertIsNone(made["url"])
        self.assertIn("http.listen is not set", made["note"])
        self.assertIn("(behind the pool's web address", self.karizd.ctl(
            "watcher", "create", "alice", "--days", "1"))

    def test_an_address_that_is_none_stops_the_start(self):
        for listen in ("8080", ":8080", "127.0.0.1:http", "127.0.0.1:70000"):
            broken = Karizd(self.nodes, http={"listen": listen})
            self.addCleanup(broken.close)
            broken.spawn()
            wait_until(lambda: broken.process.poll() is not None, 20)
            broken.stop(expect=1)
            self.assertTrue(broken.logged("http.listen"))
