"""A web client that shows everything: raw requests, raw answers, no library between."""

import json
import socket
import time

from .wait import SCALE


class Answer:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """`client`: what the proxy in front says it speaks for; None: it is there itself."""

    def __init__(self, address, client=None):
        host, port = address.rsplit(":", 1)
        self.address = host.strip("[]"), int(port)
        self.client = client

    def connect(self, seconds=20):
        return socket.create_connection(self.address, timeout=seconds * SCALE)

    def send(self, data, seconds=20):
        """The whole answer; None: closed without one."""
        with self.connect(seconds) as s:
            s.sendall(data)
            return self.read(s)

    @staticmethod
    def read(s):
        raw = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    break
                raw += part
        except ConnectionResetError:
            pass
        return Answer(raw) if raw else None

    def request(self, path, method="GET", **headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: pool.example"]
        if self.client:
            lines.append("X-Forwarded-For: 203.0.113.99, " + self.client)
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def get(self, path, method="GET", **headers):
        return self.send(self.request(path, method, **headers))

    def get_patiently(self, path, **headers):
        """As a browser that is told to come back."""
        deadline = time.monotonic() + 30 * SCALE
        while True:
            answer = self.get(path, **headers)
            if answer is None or answer.status not in (429, 503):
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"still {answer.status} after 30 s")
            time.sleep(0.5)
