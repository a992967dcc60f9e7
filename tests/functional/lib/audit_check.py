"""Verifies an audit chain with Python's standard library alone: no code of the pool in it.

    python3 audit_check.py CHAIN.jsonl [SEQ HASH]     a head that must be in it

What it knows: RFC 8785 for values without fractions, BIP-340's tagged hash, and that
h_n = tagged("Kariz/audit/1", h_(n-1) || canonical event n) with h_0 of 32 zero bytes.
"""

import hashlib
import json
import sys

INTEGER_MAX = 2**53 - 1
LINE_MAX = 32768
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
MEMBERS = {"schema", "seq", "time", "instance", "event", "miner", "actor", "role", "second",
           "reason", "basis", "before", "after", "detail"}


class Wrong(Exception):
    pass


def _string(text):
    return '"' + "".join(SHORT.get(ord(c)) or (f"\\u{ord(c):04x}" if c < " " else c)
                         for c in text) + '"'


def _form(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise Wrong(f"{value} is above 2^53 - 1")
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_form, value)) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(_string(n) + ":" + _form(value[n]) for n in names) + "}"
    raise Wrong(f"{value!r} has no canonical form")


def canonical(value):
    return _form(value).encode("utf-8")


def tagged(tag, data):
    t = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(t + t + data).digest()


def commitment(salt, value):
    return tagged("Kariz/commit/1", salt + canonical(value))


def record_hash(record):
    return tagged("Kariz/record/1", canonical(record))


def _no_repeats(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Wrong("a name stands twice")
    return dict(pairs)


def parse(text):
    """JSON in which no name stands twice and nothing is NaN or Infinity."""
    def refuse(constant):
        raise Wrong(f"{constant} is no JSON")
    try:
        return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=refuse)
    except (ValueError, RecursionError) as e:
        raise Wrong(f"no JSON: {e}") from None


def check_entry(entry, seq, before):
    """The hash of entry `seq`, whose hash before is `before`."""
    if not isinstance(entry, dict) or set(entry) != {"event", "hash"}:
        raise Wrong("no entry")
    event = entry["event"]
    if not isinstance(event, dict) or set(event) != MEMBERS:
        raise Wrong("no event")
    if event["schema"] != "kariz-audit/1":
        raise Wrong("of another schema")
    if type(event["seq"]) is not int or event["seq"] != seq:
        raise Wrong(f"event {event['seq']!r} where {seq} is expected")
    made = tagged("Kariz/audit/1", before + canonical(event))
    if entry["hash"] != made.hex():
        raise Wrong(f"event {seq}: its hash is {entry['hash']}, its content makes {made.hex()}")
    return made


def check_chain(lines, expect=None):
    """(seq, hash in hex) of the last; `lines` are bytes with their ends. `expect`, such a
    pair noted earlier, must be in it."""
    seq, head, instance, seen = 0, bytes(32), None, expect is None
    for number, line in enumerate(lines, 1):
        try:
            if not line.endswith(b"\n") or len(line) > LINE_MAX + 1:
                raise Wrong("cut off, or too long")
            entry = parse(line[:-1].decode("utf-8"))
            if canonical(entry) != line[:-1]:
                raise Wrong("not in canonical form")
            head = check_entry(entry, seq + 1, head)
            if instance not in (None, entry["event"]["instance"]):
                raise Wrong("of another instance")
        except (Wrong, UnicodeError) as e:
            raise Wrong(f"line {number}: {e}") from None
        seq, instance = seq + 1, entry["event"]["instance"]
        seen = seen or (seq, head.hex()) == tuple(expect)
    if not seen:
        raise Wrong(f"event {expect[0]} with hash {expect[1]} is not in it: cut off or made anew")
    if seq == 0:
        raise Wrong("there is no event")
    return seq, head.hex()


def main(arguments):
    if len(arguments) not in (1, 3):
        print(__doc__, file=sys.stderr)
        return 2
    expect = (int(arguments[1]), arguments[2]) if len(arguments) == 3 else None
    try:
        with open(arguments[0], "rb") as f:
            seq, head = check_chain(f, expect)
    except (OSError, Wrong) as e:
        print(f"{arguments[0]}: {e}", file=sys.stderr)
        return 1
    print(f"{seq} events, head {head}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
