"""karizd under test: writes its settings, starts it, asks it, stops it, reads its log.

KARIZ_BUILD chooses the build (default build/asan, else build/release); KARIZ_WRAP puts a
program in front (valgrind ...). Reports of a sanitizer or of the wrapper fail the test.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from . import bitcoin, processes, records
from .node import ROOT
from .wait import SCALE, wait_until

# On regtest half of all hashes are blocks. At this difficulty nearly every hash is a
# share, so a rig may choose: a share that is no block, or one that is.
EASY = 2.4e-10

REPORTS = re.compile(
    r"ERROR: AddressSanitizer|LeakSanitizer: detected|runtime error:|"
    r"WARNING: ThreadSanitizer|==\d+== (Invalid|Conditional jump|Use of uninit|Syscall param)|"
    r"definitely lost: [1-9]|Assertion .* failed"
)


def build_folder():
    named = os.environ.get("KARIZ_BUILD")
    if named:
        return os.path.join(ROOT, named)
    for name in ("asan", "release", "debug"):
        if os.path.exists(os.path.join(ROOT, "build", name, "karizd")):
            return os.path.join(ROOT, "build", name)
    raise AssertionError("nothing is built: cmake --preset asan && cmake --build --preset asan")


def program(name):
    return os.path.join(build_folder(), name)


def environment():
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = "detect_leaks=1:exitcode=99:detect_stack_use_after_return=1"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    env["TSAN_OPTIONS"] = "exitcode=99:second_deadlock_stack=1"
    return env


def wrapped(command):
    return shlex.split(os.environ.get("KARIZ_WRAP", "")) + command


def merged(base, extra):
    """`extra` laid over `base`, object by object; None removes a key."""
    out = dict(base)
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        elif value is None:
            out.pop(key, None)
        else:
            out[key] = value
    return out


def listener(**extra):
    return {
        "address": "127.0.0.1:0",
        "difficulty": EASY,
        "minimum": EASY,
        "maximum": EASY,
        **extra,
    }


class Refused(Exception):
    """karizctl ended with exit code 1; the reason is the text."""


class Karizd:
    environment = {}  # of this daemon alone, over the common one

    def __init__(self, nodes, **settings):
        self.folder = tempfile.mkdtemp(prefix="kariz-test-")
        self.settings = merged(
            {
                "instance": "test",
                "network": "regtest",
                "data_dir": os.path.join(self.folder, "data"),
                "nodes": [n.settings() for n in nodes],
                "redis": "embedded",
                "template_refresh_seconds": 1,
                "stratum": {
                    "listen": [listener()],
                    "threads": 2,
                    "vardiff": {"minimum": EASY, "maximum": 1e15},
                },
                "coinbase": {"tag": "/test/", "address": bitcoin.demo_address("operator")},
                "registry": {"jurisdiction": "tm", "operator": "Functional test",
                             "four_eyes": False},
                "control": {"socket": os.path.join(self.folder, "control.sock")},
                "log": {"level": "debug", "format": "text"},
            },
            settings,
        )
        self.config = os.path.join(self.folder, "kariz.json")
        self.process = None
        self.lines = []
        self.reader = None
        self.exit_code = None
        os.makedirs(self.settings["data_dir"], exist_ok=True)

    # --- life ---

    def write_settings(self, **changes):
        self.settings = merged(self.settings, changes)
        with open(self.config, "w") as f:
            json.dump(self.settings, f, indent=2)

    def spawn(self):
        """Starts the program without waiting for anything."""
        self.write_settings()
        self.process = processes.start(
            wrapped([program("karizd"), self.config]),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**environment(), **self.environment},
            errors="replace",
            text=True,
        )
        # A failed start must not be answered by the lines of an earlier one.
        self.mark = len(self.lines)
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,))
        self.reader.daemon = True
        self.reader.start()
        return self

    def start(self, wait_for_job=True):
        try:
            return self._start(wait_for_job)
        except AssertionError as e:
            raise AssertionError(f"{e}\n--- the end of its log\n{self.tail(25)}") from None

    def _start(self, wait_for_job):
        self.spawn()
        wait_until(self._is_ready, 30, "karizd is ready")
        if wait_for_job:
            wait_until(lambda: self.status().get("job_id"), 20, "karizd has a job")
        self.wait_log("registry_loaded", 20, self.mark)
        return self

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def _is_ready(self):
        if self.process.poll() is not None:
            self.reader.join()
            raise AssertionError("karizd ended at once")
        return any("pool_ready" in line for line in self.lines[self.mark :])

    def stop(self, expect=0):
        """SIGTERM; the exit code must be 0 and no sanitizer may have complained."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30 * SCALE)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
                raise AssertionError("karizd did not stop:\n" + self.tail())
        self._ended()
        if self.exit_code != expect:
            raise AssertionError(f"karizd ended with {self.exit_code}:\n{self.tail()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._ended()

    def _ended(self):
        self.exit_code = self.process.returncode
        self.reader.join()
        self.process.stderr.close()
        self.process = None
        self.check_reports()

    def check_reports(self):
        for i, line in enumerate(self.lines):
            if REPORTS.search(line):
                report = "\n".join(self.lines[max(i - 2, 0) : i + 60])
                self.lines.clear()
                raise AssertionError("a checker complained about karizd:\n" + report)

    def close(self):
        """For addCleanup: stop, then remove the folder."""
        try:
            self.stop()
        finally:
            if self.process:
                self.kill()
            processes.kill_those_using(self.folder)
            if not os.environ.get("KARIZ_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    # --- questions ---

    def command(self, *args):
        return [program("karizctl"), "--socket", self.settings["control"]["socket"], *args]

    def ctl(self, *args):
        """Runs karizctl; its output, or Refused with its reason."""
        done = subprocess.run(
            self.command(*args), capture_output=True, text=True, timeout=60 * SCALE,
            env=environment(), stdin=subprocess.DEVNULL,
        )
        if done.returncode == 1:
            raise Refused(done.stderr.strip())
        if done.returncode != 0 or REPORTS.search(done.stderr):
            raise AssertionError(f"karizctl {args}: {done.returncode} {done.stderr}")
        return done.stdout

    def ask(self, *args):
        return json.loads(self.ctl("--json", *args))

    def ask_each(self, command, arguments):
        """What the control socket answers to a command with each of the arguments: one
        connection, so much faster than a karizctl for each."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60 * SCALE)
            s.connect(self.settings["control"]["socket"])
            with s.makefile("rw") as lines:
                return [self._ask_line(lines, command, one) for one in arguments]

    @staticmethod
    def _ask_line(lines, command, arguments):
        lines.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
        lines.flush()
        answer = json.loads(lines.readline())
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer["result"]

    def status(self):
        return self.ask("status")

    def register(self, miner, residency="resident", country="TM", addresses=None, **over):
        """An active miner; four_eyes is off here, so one pair of them is enough."""
        self.register_all([records.record(miner, addresses, residency, country, **over)])

    def register_all(self, made):
        ids = [{"id": record["miner_id"]} for record in made]
        self.ask_each("miner_apply", [{"record": record} for record in made])
        self.ask_each("miner_submit", ids)
        self.ask_each("miner_approve", [{**i, "basis": "checked"} for i in ids])

    def miner(self, miner):
        """The tally row of a miner in status, or {}."""
        return next((m for m in self.status()["miners"] if m["id"] == miner), {})

    def address(self, i=0):
        host, port = self.status()["listeners"][i]["address"].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def tail(self, count=40):
        return "\n".join(self.lines[-count:])

    def logged(self, pattern, since=0):
        found = re.compile(pattern)
        return [line for line in self.lines[since:] if found.search(line)]

    def wait_log(self, pattern, seconds=10, since=0):
        wait_until(lambda: self.logged(pattern, since), seconds, f"log has {pattern}")
        return self.logged(pattern, since)[-1]

    def redis_pid(self):
        """Of its own redis-server; None while there is none."""
        return self.status()["redis"].get("pid")


def check_settings(path):
    """karizd --check: (exit code, what it said)."""
    done = subprocess.run(
        [program("karizd"), "--check", path], capture_output=True, text=True,
        timeout=30 * SCALE, env=environment(), stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr
