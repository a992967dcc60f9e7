"""A node of a few lines, for what a real one cannot be made to do: a network difficulty
above a test's share difficulty, broken templates, initial download, a refused proposal."""

import http.server
import json
import os
import shutil
import tempfile
import threading

from . import bitcoin

HARD = "17034219"  # mainnet's of 2024: no test finds such a block by chance


class FakeNode:
    def __init__(self, nbits=HARD):
        self.folder = tempfile.mkdtemp(prefix="kariz-fake-")
        self.nbits = nbits
        self.height = 1000
        self.prev = bitcoin.sha256(b"tip 1000")
        self.time = 1700000000
        self.changes = {}  # laid over the template
        self.info = {}  # laid over getblockchaininfo
        self.submitted = []
        self.proposals = []
        self.proposal_answer = None
        self.changed = threading.Condition()
        self.server = None

    def start(self):
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = json.dumps(node.answer(json.loads(body))).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self):
        path = self.folder + "/password"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write("fake\n")
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return {"url": url, "user": "rpc", "password_file": path}

    # --- what a test does to it ---

    def new_tip(self):
        with self.changed:
            self.height += 1
            self.prev = bitcoin.sha256(b"tip %d" % self.height)
            self.changed.notify_all()

    def change(self, **changes):
        with self.changed:
            self.changes = changes
            self.changed.notify_all()

    # --- what it answers ---

    def answer(self, request):
        method, params = request["method"], request.get("params", [])
        out = {"id": request.get("id"), "result": None, "error": None}
        handler = getattr(self, "do_" + method, None)
        if handler is None:
            out["error"] = {"code": -32601, "message": "Method not found"}
        else:
            out["result"] = handler(*params)
        return out

    def do_getblockchaininfo(self):
        return {
            "chain": "regtest", "blocks": self.height - 1, "headers": self.height - 1,
            "bestblockhash": bitcoin.display(self.prev), "initialblockdownload": False,
            **self.info,
        }

    def do_getnetworkinfo(self):
        return {"version": 310000, "subversion": "/fake:1/", "connections": 8}

    def do_getblockcount(self):
        return self.height - 1

    def do_getbestblockhash(self):
        return bitcoin.display(self.prev)

    def do_getblocktemplate(self, request=None):
        request = request or {}
        if request.get("mode") == "proposal":
            self.proposals.append(request["data"])
            return self.proposal_answer
        if "longpollid" in request:
            self._wait_for_change(request["longpollid"])
        return self.template()

    def _wait_for_change(self, long_poll_id):
        with self.changed:
            self.changed.wait_for(lambda: self.template()["longpollid"] != long_poll_id, 30)

    def template(self):
        root = bitcoin.sha256d(bytes(32) + bytes(32))
        target = bitcoin.target_of_nbits(int(self.nbits, 16))
        return {
            "capabilities": ["proposal"], "version": 0x20000000,
            "rules": ["csv", "!segwit"], "vbavailable": {}, "vbrequired": 0,
            "previousblockhash": bitcoin.display(self.prev), "transactions": [],
            "coinbaseaux": {}, "coinbasevalue": 5000000000,
            "longpollid": bitcoin.display(self.prev) + str(len(self.changes)),
            "target": "%064x" % target, "mintime": self.time, "curtime": self.time + 600,
            "mutable": ["time", "transactions", "prevblock"],
            "noncerange": "00000000ffffffff", "sigoplimit": 80000, "sizelimit": 4000000,
            "weightlimit": 4000000, "bits": self.nbits, "height": self.height,
            "default_witness_commitment": "6a24aa21a9ed" + root.hex(), **self.changes,
        }

    def do_submitblock(self, block_hex, *_):
        self.submitted.append(block_hex)
        return None

    def do_getblockheader(self, block_hash, *_):
        return {"hash": block_hash, "confirmations": 1}
