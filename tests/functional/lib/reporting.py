"""karizctl with the reporting key's passphrase, and what packages of reports say."""

import json
import os
import subprocess

from .karizd import REPORTS, environment
from .payer import readable
from .wait import SCALE

PASSPHRASE = "a reporting key is no spending key"


def signing(karizd, *words, expect=0, socket=None, more_fds=(), extra=None):
    """What karizctl said; given a passphrase, and `extra` in its environment."""
    read_fd = readable(PASSPHRASE)
    command = karizd.command(*words, "--passphrase-fd", str(read_fd))
    if socket is not None:
        command[2] = socket
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=90 * SCALE, env={**environment(), **(extra or {})},
                              pass_fds=(read_fd, *more_fds),
                              stdin=subprocess.DEVNULL)
    finally:
        os.close(read_fd)
    said = done.stdout + done.stderr
    if done.returncode != expect or REPORTS.search(said):
        raise AssertionError(f"karizctl {words}: {done.returncode}\n{said}")
    return said


def reproduce(karizd, folder, extra):
    """What karizctl says of a package that it makes again, under a clock."""
    done = subprocess.run(
        karizd.command("report", "reproduce", folder, "--conf", karizd.config, "--json"),
        capture_output=True, text=True, check=False, timeout=90 * SCALE,
        env={**environment(), **extra})
    if done.returncode not in (0, 1) or not done.stdout or REPORTS.search(done.stderr):
        raise AssertionError(f"{done.returncode}: {done.stdout}{done.stderr}")
    answer = json.loads(done.stdout)
    if done.returncode != (0 if answer["ok"] else 1):
        raise AssertionError(f"{done.returncode}: {answer}")
    return answer


def report(folder, name):
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
        return json.load(f)
