"""TLS listeners: versions, chain, resumption, new certificates without a restart."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from lib.case import KarizTest, need
from lib.karizd import listener
from lib.wait import wait_until


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    """A root, an intermediate, and server certificates: what a real chain looks like."""

    def __init__(self, folder):
        self.folder = folder
        self.root = self.path("root.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.path("root.key"), "-out", self.root,
                "-days", "30", "-subj", "/CN=Test root", "-addext",
                "basicConstraints=critical,CA:true", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign")
        self.issue("intermediate", "root", "/CN=Test intermediate",
                   "basicConstraints=critical,CA:true,pathlen:0\n"
                   "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, issuer, subject, extension):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                "-subj", subject)
        with open(self.path("ext"), "w") as f:
            # Strict clients ask for the two identifiers.
            f.write(extension + "\nsubjectKeyIdentifier=hash\n"
                    "authorityKeyIdentifier=keyid\n")
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                self.path(issuer + ".pem"), "-CAkey", self.path(issuer + ".key"),
                "-CAcreateserial", "-out", self.path(name + ".pem"), "-days", "30",
                "-extfile", self.path("ext"))
        os.chmod(self.path(name + ".key"), 0o600)

    def server(self, common_name, certificate, key):
        self.issue("server", "intermediate", "/CN=" + common_name,
                   "subjectAltName=DNS:localhost,IP:127.0.0.1")
        with open(certificate, "w") as out:
            for part in ("server.pem", "intermediate.pem"):
                with open(self.path(part)) as f:
                    out.write(f.read())
        shutil.copy(self.path("server.key"), key)
        os.chmod(key, 0o600)


class Tls(KarizTest):
    @classmethod
    def setUpClass(cls):
        need(shutil.which("openssl"), "the openssl program")
        cls.folder = tempfile.mkdtemp(prefix="kariz-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.authority = Authority(cls.folder)
        cls.certificate = os.path.join(cls.folder, "chain.pem")
        cls.key = os.path.join(cls.folder, "live.key")
        cls.authority.server("first", cls.certificate, cls.key)
        cls.settings = {
            "stratum": {
                "listen": [listener(), listener(tls=True)],
                "tls": {"certificate": cls.certificate, "key": cls.key},
            },
        }
        super().setUpClass()

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.authority.root)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def tls_rig(self, context):
        return self.rig(listener=1, tls=context)

    def test_a_rig_mines_over_tls_1_2(self):
        rig = self.tls_rig(self.context(ssl.TLSVersion.TLSv1_2))
        self.assertEqual(rig.socket.version(), "TLSv1.2")
        rig.ready("alice.tls12").mine()

    def test_a_rig_mines_over_tls_1_3(self):
        rig = self.tls_rig(self.context(ssl.TLSVersion.TLSv1_3))
        self.assertEqual(rig.socket.version(), "TLSv1.3")
        rig.ready("alice.tls13").mine()

    def test_older_versions_are_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        except ValueError:
            self.skipTest("missing: a TLS library that can still speak 1.1")
        with self.assertRaises((ssl.SSLError, OSError)):
            self.tls_rig(context)

    def test_sessions_are_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                context = self.context(version)
                first = self.tls_rig(context)
                first.subscribe()
                session = first.socket.session
                first.close()
                raw = socket.create_connection(self.karizd.address(1), timeout=10)
                again = context.wrap_socket(raw, server_hostname="localhost", session=session)
                self.addCleanup(again.close)
                self.assertTrue(again.session_reused)

    def test_a_new_certificate_is_served_after_a_hangup_and_old_sessions_stay(self):
        old = self.tls_rig(self.context()).ready("alice.old")
        self.authority.server("second", self.certificate, self.key)
        self.karizd.process.send_signal(signal.SIGHUP)

        def served():
            rig = self.tls_rig(self.context())
            subject = dict(pair[0] for pair in rig.socket.getpeercert()["subject"])
            return subject["commonName"] == "second"
        wait_until(served, 10, "the new certificate")
        old.mine()

    def test_a_broken_certificate_at_reload_keeps_the_old_one(self):
        with open(self.certificate) as f:
            good = f.read()
        try:
            with open(self.certificate, "w") as f:
                f.write("nonsense")
            since = len(self.karizd.lines)
            self.karizd.process.send_signal(signal.SIGHUP)
            self.karizd.wait_log(r"(error|warn) .*(certificate|tls)", 10, since)
            self.tls_rig(self.context()).subscribe()
        finally:
            with open(self.certificate, "w") as f:
                f.write(good)

    def test_plain_text_on_the_tls_port_is_closed(self):
        rig = self.rig(listener=1)
        rig.send({"id": 1, "method": "mining.subscribe", "params": []})
        rig.wait_closed(5)
        self.tls_rig(self.context()).subscribe()

    def test_a_byte_at_a_time_over_tls(self):
        rig = self.tls_rig(self.context())
        for byte in b'{"id":1,"method":"mining.subscribe","params":[]}\n':
            rig.send_bytes(bytes([byte]))
        self.assertIsNotNone(rig.finish_call(1)["result"])
