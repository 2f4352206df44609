#!/usr/bin/env python3
"""Checks an exported journal: genoa journal export | python3 verify_journal.py

Uses nothing but Python's standard library. It checks the hash chain, every body and every content, and that each
checkpoint names the record it follows. The signatures under the checkpoints need an Ed25519 library (see journal.md).
"""
import base64, hashlib, json, re, struct, sys

REFERENCE = re.compile(r'\{"\$content":"([0-9a-f]{64})"\}')


def check(lines):
    previous, seq, contents, destroyed, missing, ended = bytes(32), 0, set(), set(), {}, False
    for line in map(json.loads, lines):
        if "content" in line:
            assert hashlib.sha256(line["text"].encode()).hexdigest() == line["content"], "a content was altered"
            contents.add(line["content"])
            missing.update((name, 0) for name in REFERENCE.findall(line["text"]))
        elif "seq" in line:
            seq += 1
            assert line["seq"] == seq, f"record {seq} is not there"
            cause, kind, body = line["cause"], line["kind"].encode(), line["body"]
            if body is None:
                missing[line["body_hash"]] = seq
            else:
                assert hashlib.sha256(body.encode()).hexdigest() == line["body_hash"], f"body of record {seq} was altered"
                missing.update((name, seq) for name in REFERENCE.findall(body))
            previous = hashlib.sha256(
                b"genoa-journal-1\n" + previous + struct.pack(">QqQ", seq, line["time"], len(kind)) + kind
                + struct.pack(">BQ", cause is not None, cause or 0) + bytes.fromhex(line["body_hash"])).digest()
            assert previous.hex() == line["hash"], f"record {seq} was altered"
            if line["kind"] == "journal.destroyed":
                destroyed.add(json.loads(body)["content"])
        elif "checkpoint" in line:
            size, head = line["checkpoint"].split("\n")[1:3]
            assert int(size) == seq and base64.b64decode(head) == previous, f"record {seq} is not what was signed"
        elif "records" in line:
            ended = line["records"] == seq
    assert ended, f"the export stops after record {seq}"
    for name, where in missing.items():
        assert name in contents or name in destroyed, f"the content {name} of record {where} is missing"
    return seq


if __name__ == "__main__":
    try:
        print(f"{check(sys.stdin)} records are whole")
    except AssertionError as error:
        sys.exit(f"NOT whole: {error}")
