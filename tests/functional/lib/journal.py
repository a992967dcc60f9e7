"""The journal's files as far as the tests harm them (share/journal_record.h)."""

import os
import re
import struct

NAME = re.compile(r"^(\d{4})-(\d{10})\.kzj$")
HEAD = 64
RECORD_HEAD = 32
KIND_SHARE = 4


class Segment:
    def __init__(self, path):
        self.path = path
        found = NAME.match(os.path.basename(path))
        self.stream, self.number = int(found.group(1)), int(found.group(2))
        with open(path, "rb") as f:
            self.data = f.read()
        magic, _ = struct.unpack_from("<II", self.data)
        (word,) = struct.unpack_from("<I", self.data, 40)
        self.synced, self.is_sealed = word & ~7, bool(word & 1)

    def records(self):
        """(offset, length, kind) of each, up to the first length word of zero."""
        at = HEAD
        while at + RECORD_HEAD <= len(self.data):
            length, _, _, kind = struct.unpack_from("<IHBB", self.data, at)
            if length < RECORD_HEAD or at + length > len(self.data):
                return
            yield at, length, kind
            at += (length + 7) & ~7

    def end(self):
        """Where the next record would begin."""
        at = HEAD
        for offset, length, _ in self.records():
            at = offset + ((length + 7) & ~7)
        return at

    def write(self, offset, data):
        with open(self.path, "r+b") as f:
            f.seek(offset)
            f.write(data)


def segments(folder):
    """Of all streams, oldest first in each."""
    names = sorted(n for n in os.listdir(folder) if NAME.match(n))
    return [Segment(os.path.join(folder, n)) for n in names]


def streams(folder):
    """{stream: [segments, oldest first]}"""
    out = {}
    for segment in segments(folder):
        out.setdefault(segment.stream, []).append(segment)
    return out
