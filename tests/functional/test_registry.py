"""Who may mine: logins, refusals, suspension."""

import time

from lib import bitcoin, signing
from lib.case import KarizTest
from lib.karizd import Refused
from lib.rig import Closed
from lib.wait import SCALE, wait_until


class Logins(KarizTest):
    miners = ("alice", "bob")

    def login(self, text):
        rig = self.rig()
        rig.subscribe()
        return rig.authorize(text)

    def test_a_registered_miner_may_mine_by_id_and_by_address(self):
        self.assertIs(self.login("alice.rig")["result"], True)
        self.assertIs(self.login(bitcoin.demo_address("alice") + ".rig")["result"], True)
        self.assertIs(self.login(bitcoin.demo_address("alice").upper())["result"], True)

    def test_an_unregistered_login_is_error_24_unregistered(self):
        self.assert_error(self.login("nobody.rig"), 24, "unregistered")
        self.assert_error(self.login(bitcoin.demo_address("nobody")), 24, "unregistered")

    def test_a_malformed_login_is_error_24(self):
        for text in ("", ".", "ab.rig", "a b c.rig", "x" * 500):
            self.assert_error(self.login(text), 24)

    def test_work_by_address_is_credited_to_the_miner(self):
        before = self.karizd.miner("bob").get("accepted", 0)
        rig = self.ready_rig(bitcoin.demo_address("bob") + ".by-address")
        rig.mine()
        wait_until(lambda: self.karizd.miner("bob").get("accepted", 0) == before + 1, 10)
        self.assertIn("by-address", str(self.karizd.ask("workers", "bob")))

    def test_the_refusal_says_nothing_of_others(self):
        text = self.login("nobody.rig")["error"][1]
        self.assertNotIn("alice", text)
        self.assertLess(len(text), 80)


class Suspension(KarizTest):
    miners = ("alice", "bob", "carol", "dave", "erin")

    def test_a_suspension_closes_live_sessions_within_a_second(self):
        rigs = [self.ready_rig("bob.one"), self.ready_rig("bob.two")]
        other = self.ready_rig("alice.stays")
        started = time.monotonic()
        self.karizd.ctl("miner", "suspend", "bob", "--reason", "suspicion", "--basis", "order 17")
        for rig in rigs:
            rig.wait_closed(2)
        self.assertLess(time.monotonic() - started, 1.0 * SCALE)
        other.mine()
        rig = self.rig()
        rig.subscribe()
        self.assert_error(rig.authorize("bob.again"), 24, "not active")

    def test_rigs_that_can_show_a_message_are_told_why_and_others_get_none(self):
        """Q67: many firmwares do not know client.show_message."""
        told, silent = self.rig(), self.rig()
        told.subscribe("cgminer/4.12.0")
        silent.subscribe("bitaxe/BM1370")
        for rig in (told, silent):
            rig.authorize("erin.rig")
        self.karizd.ctl("miner", "suspend", "erin", "--reason", "suspicion", "--basis", "order 19")
        self.assertIn(b"client.show_message", b"".join(told.wait_closed(2)))
        self.assertNotIn(b"client.show_message", b"".join(silent.wait_closed(2)))

    def test_shares_of_a_suspended_miner_on_a_shared_connection_earn_nothing(self):
        proxy = self.ready_rig("carol.proxy")
        self.assertIs(proxy.authorize("alice.proxy")["result"], True)
        share = proxy.find()
        self.karizd.ctl("miner", "suspend", "carol", "--reason", "suspicion", "--basis", "order 18")
        try:
            reply = proxy.submit(share, "carol.proxy")
            self.assert_error(reply, 24)
            proxy.settle()
        except Closed:
            pass
        self.assertEqual(self.karizd.miner("carol")["accepted"], 0)

    def test_a_resumed_miner_may_mine_again(self):
        self.karizd.ctl("miner", "suspend", "dave", "--reason", "suspicion", "--basis", "check")
        rig = self.rig()
        rig.subscribe()
        self.assert_error(rig.authorize("dave.rig"), 24, "not active")
        self.karizd.ctl("miner", "resume", "dave", "--basis", "checked")
        wait_until(lambda: rig.authorize("dave.rig")["result"] is True, 2)
        rig.settle()
        rig.mine()


class Records(KarizTest):
    miners = ("alice",)

    def test_a_miner_is_shown_with_all_it_was_registered_with(self):
        shown = self.karizd.ask("miner", "show", "alice")
        text = str(shown)
        for part in ("alice", "legal_entity", "resident", "TM", "C-alice",
                     bitcoin.demo_address("alice")):
            self.assertIn(part, text)

    def test_registered_miners_are_listed(self):
        self.karizd.register("second-one", "non_resident", "KZ")
        self.assertIn("second-one", str(self.karizd.ask("miner", "list")))

    def test_an_id_cannot_be_registered_twice(self):
        with self.assertRaises(Refused):
            self.karizd.register("alice")

    def test_an_address_cannot_belong_to_two_miners(self):
        with self.assertRaises(Refused):
            self.karizd.register("thief", addresses=[bitcoin.demo_address("alice")])

    def test_wrong_details_are_refused_with_a_reason(self):
        for miner, how in (("UPPER", {}), ("ab", {}), ("good-id", {"country": "Narnia"}),
                           ("good-id", {"addresses": ["bcrt1qnonsense"]}),
                           ("good-id", {"residency": "resident", "country": "KZ"})):
            with self.subTest(miner=miner, how=how):
                with self.assertRaises(Refused) as refused:
                    self.karizd.register(miner, **how)
                self.assertTrue(str(refused.exception))

    def test_unknown_miners_are_refused(self):
        for command in (("show",), ("suspend",), ("resume",)):
            args = ("--basis", "x") if command[0] != "show" else ()
            with self.assertRaises(Refused):
                self.karizd.ctl("miner", *command, "nobody", *args)

    def test_a_registration_outlives_a_restart(self):
        self.karizd.register("lasting")
        self.karizd.ctl("miner", "suspend", "lasting", "--reason", "suspicion", "--basis", "x")
        self.karizd.stop()
        self.karizd.start()
        self.assertIn("suspended", str(self.karizd.ask("miner", "show", "lasting")))


class Addresses(KarizTest):
    """Addresses added, ended, and proved by signatures that karizd had no part in."""

    miners = ("alice",)
    key = signing.private_key("addresses")

    def addresses(self, miner):
        return self.karizd.ask("miner", "show", miner)["payout_addresses"]

    def newest(self, miner):
        return self.addresses(miner)[-1]

    def registered(self, miner, kind):
        """A miner with one address of our key, under a tweak of its own."""
        key = self.key + sum(miner.encode())
        address = signing.address_of(key, kind)
        self.karizd.register(miner, addresses=[address])
        return key, address

    def challenge(self, miner, address):
        text = self.karizd.ctl("address", "challenge", miner, address)
        self.assertEqual(text.count("\n"), 1)
        return text.rstrip("\n")

    def prove(self, miner, address, signature):
        self.karizd.ctl("address", "prove", miner, address, "--signature", signature)

    def login(self, text):
        rig = self.rig()
        rig.subscribe()
        return rig.authorize(text)

    def assert_refused(self, reason, *args):
        with self.assertRaisesRegex(Refused, reason):
            self.karizd.ctl("address", *args)

    def test_the_challenge_names_network_miner_address_and_end(self):
        _, address = self.registered("named", "p2wpkh")
        text = self.challenge("named", address)
        self.assertRegex(text, f"^kariz regtest named {address} [0-9a-f]{{32}} "
                               r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertNotEqual(text, self.challenge("named", address))

    def test_bip322_proofs_are_taken_and_kept(self):
        for kind in ("p2wpkh", "p2tr", "p2pkh", "p2sh_p2wpkh"):
            with self.subTest(kind=kind):
                miner = "b-" + kind.replace("_", "-")
                key, address = self.registered(miner, kind)
                text = self.challenge(miner, address)
                self.prove(miner, address, signing.bip322_sign(key, text, kind))
                proof = self.newest(miner)["proof"]
                self.assertEqual((proof["method"], proof["message"]), ("bip322", text))

    def test_older_signed_messages_are_taken_and_kept(self):
        for kind in ("p2pkh", "p2sh_p2wpkh", "p2wpkh"):
            with self.subTest(kind=kind):
                miner = "l-" + kind.replace("_", "-")
                key, address = self.registered(miner, kind)
                self.prove(miner, address,
                           signing.sign_message(key, self.challenge(miner, address), kind))
                self.assertEqual(self.newest(miner)["proof"]["method"], "legacy")

    def test_a_challenge_outlives_a_restart_and_one_proof_uses_it_up(self):
        key, address = self.registered("once", "p2tr")
        text = self.challenge("once", address)
        self.karizd.stop()
        self.karizd.start()
        signature = signing.bip322_sign(key, text, "p2tr")
        self.prove("once", address, signature)
        self.assert_refused("no challenge is open", "prove", "once", address,
                            "--signature", signature)

    def test_a_wrong_proof_is_refused_and_the_challenge_stays_open(self):
        key, address = self.registered("wrong", "p2wpkh")
        text = self.challenge("wrong", address)
        for signature, reason in (
                (signing.bip322_sign(key + 1, text, "p2wpkh"), "signature: "),
                (signing.bip322_sign(key, text + " ", "p2wpkh"), "signature: "),
                (signing.sign_message(key + 1, text), "another key"),
                ("smp!", "not base64"),
                ("pof" + signing.bip322_sign(key, text)[3:], "a person decides")):
            self.assert_refused(reason, "prove", "wrong", address, "--signature", signature)
        self.assertNotIn("proof", self.newest("wrong"))
        self.prove("wrong", address, signing.bip322_sign(key, text))

    def test_a_new_address_waits_a_day_and_may_log_in_at_once(self):
        _, old = self.registered("moving", "p2wpkh")
        new = signing.address_of(self.key + 1, "p2tr")
        self.assertNotIn("payable_from", self.newest("moving"))
        self.karizd.ctl("address", "add", "moving", new.upper(), "--basis", "letter 4")
        shown = self.newest("moving")
        self.assertEqual((shown["address"], shown["to"]), (new, None))
        self.assertEqual(shown["from"][11:], shown["payable_from"][11:])
        self.assertLess(shown["from"], shown["payable_from"])
        for address in (old, new):
            wait_until(lambda: self.login(address + ".rig")["result"] is True, 2)
        self.karizd.ctl("address", "end", "moving", old, "--basis", "letter 5")
        self.assertIsNotNone(self.addresses("moving")[0]["to"])
        self.assert_error(self.login(old + ".rig"), 24, "unregistered")
        self.assertIs(self.login(new + ".rig")["result"], True)

    def test_addresses_that_cannot_be_are_refused_with_a_reason(self):
        _, address = self.registered("strict", "p2wpkh")
        taken = bitcoin.demo_address("alice")
        mainnet = signing.address_of(self.key, "p2tr", "main")
        for new, reason in ((taken, "is held by alice"), (mainnet, "address: "),
                            (address, "is there twice"), (address[:-1], "address: "),
                            (bitcoin.demo_address("operator"), "the pool's own")):
            self.assert_refused(reason, "add", "strict", new, "--basis", "x")
        unused = signing.address_of(self.key + 2, "p2tr")
        self.assert_refused("basis: ", "add", "strict", unused)
        self.assert_refused("no miner", "add", "nobody", unused, "--basis", "x")
        self.assert_refused("no live address", "challenge", "strict", unused)
        self.assert_refused("no live address", "end", "strict", unused, "--basis", "x")
        self.assertEqual(len(self.addresses("strict")), 1)
