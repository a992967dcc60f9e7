"""kariz-payout under test: a key file, its settings, its commands, their answers."""

import json
import os
import signal
import subprocess

from . import processes
from .karizd import REPORTS, environment, program
from .wait import SCALE

PASSPHRASE = "correct horse battery staple"


class PayerFailed(Exception):
    """A command ended with another status than was expected; its words are the text."""

    def __init__(self, status, said):
        super().__init__(f"exit status {status}: {said}")
        self.status = status
        self.said = said


class Payer:
    """Works by the settings of a karizd, or by a file of its own."""

    def __init__(self, folder, config, passphrase=PASSPHRASE):
        self.folder, self.config, self.passphrase = folder, config, passphrase
        self.process = None
        self.extra = {}  # environment of the next command

    def _start(self, words, **how):
        read_fd = readable(self.passphrase)
        command = [program("kariz-payout"), "--conf", self.config,
                   "--passphrase-fd", str(read_fd), *words]
        fds = (read_fd, *how.pop("fds", ()))
        try:
            return processes.start(command, pass_fds=fds, text=True,
                                   errors="replace", env={**environment(), **self.extra},
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                                      **how})
        finally:
            os.close(read_fd)

    def start(self, *words):
        """Does not wait. Ended by finish()."""
        self.process = self._start(list(words))
        return self.process

    def finish(self, process=None, seconds=120):
        """(exit status, standard output, standard error)."""
        process = process or self.process
        out, err = process.communicate(timeout=seconds * SCALE)
        for text in (out, err):
            if REPORTS.search(text):
                raise AssertionError("a checker complained about kariz-payout:\n" + text)
        return process.returncode, out, err

    def try_run(self, *words, seconds=120, fds=()):
        return self.finish(self._start(list(words), fds=fds), seconds)

    def run_on_terminal(self, *words, seconds=120):
        """(exit status, what a terminal was shown beside the result)."""
        ours, theirs = os.openpty()
        process = self._start(list(words), stderr=theirs)
        os.close(theirs)
        process.communicate(timeout=seconds * SCALE)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        return process.returncode, shown

    def run(self, *words, expect=0, seconds=120, fds=()):
        """Standard output; the exit status must be as expected."""
        status, out, err = self.try_run(*words, seconds=seconds, fds=fds)
        if status != expect:
            raise PayerFailed(status, err + out)
        return out if expect == 0 else err

    def ask(self, *words):
        return json.loads(self.run(*words, "--json"))

    def payouts(self):
        return self.ask("list")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def readable(line):
    """A file descriptor that a line can be read from."""
    read_fd, write_fd = os.pipe()
    os.write(write_fd, (line + "\n").encode())
    os.close(write_fd)
    return read_fd


def make_key(folder, kind="wpkh", network="regtest", name="wallet.key",
             passphrase=PASSPHRASE, seed=None):
    """A key file made by the program itself, of `seed` (bytes) if that is given; (path,
    addresses of each branch)."""
    path = os.path.join(folder, name)
    config = os.path.join(folder, "key.json")
    with open(config, "w") as f:
        json.dump({"network": network,
                   "coinbase": {"address": DEMO[network]}}, f)
    payer = Payer(folder, config, passphrase)
    words = ["key", "create", path, "--type", kind, "--scrypt-n", "16384"]
    if seed is None:
        said = payer.run(*words)
    else:
        fd = readable(seed.hex())
        said = payer.run(*words, "--key-fd", str(fd), fds=(fd,))
        os.close(fd)
    return path, addresses_in(said)


DEMO = {"regtest": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        "main": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}


def addresses_in(said):
    found, branch = {}, None
    for line in said.splitlines():
        words = line.split()
        if words and words[0] in ("receive", "change"):
            branch = words[0]
            found[branch] = []
        elif branch and len(words) == 2 and words[0].isdigit():
            found[branch].append(words[1])
    return found


def descriptors_in(said):
    """{branch: descriptor} of what the key commands print."""
    lines = [line.split() for line in said.splitlines()]
    return {w[0]: w[1] for w in lines if len(w) == 2 and w[0] in ("receive", "change")}
