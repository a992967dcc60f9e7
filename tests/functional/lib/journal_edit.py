"""Bytes of a journal's event records changed, and the checksums made to fit: what somebody
does who wants to rewrite the past. share/journal_record.h says how they lie."""

import os
import struct

HEAD, RECORD_HEAD = 64, 32


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def records(data):
    """(offset, length) of each."""
    at = HEAD
    while at + RECORD_HEAD <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        if length == 0:
            return
        yield at, length
        at += (length + 7) // 8 * 8


def replace(folder, old, new):
    """In each event record; how many were changed. Both have one length."""
    assert len(old) == len(new)
    changed = 0
    for name in sorted(os.listdir(folder)):
        if not name.startswith("0000-"):
            continue
        path = os.path.join(folder, name)
        with open(path, "r+b") as f:
            data = bytearray(f.read())
            for at, length in records(bytes(data)):
                end = at + length - 4
                body = bytes(data[at + RECORD_HEAD:end])
                if old not in body:
                    continue
                data[at + RECORD_HEAD:end] = body.replace(old, new)
                data[end:end + 4] = struct.pack("<I", crc32c(bytes(data[at:end])))
                changed += 1
            f.seek(0)
            f.write(data)
    return changed
