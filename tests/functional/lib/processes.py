"""Every process a test starts, so that none is left behind however the run ends."""

import os
import signal
import subprocess

_live = []


def start(command, **how):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **how)
    _live.append(process)
    return process


def kill_all():
    for process in _live:
        if process.poll() is None:
            process.kill()
            process.wait()
    _live.clear()


def kill_those_using(folder):
    """Ends what a killed program left behind: processes whose command line or current
    folder names `folder`, which is a temporary one of the test's own."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                names = f.read().decode(errors="replace")
            if folder in names or os.readlink(f"/proc/{pid}/cwd").startswith(folder):
                if int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:
            continue
