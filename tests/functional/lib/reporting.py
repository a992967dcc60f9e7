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


def report(folder, name):
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
        return json.load(f)
