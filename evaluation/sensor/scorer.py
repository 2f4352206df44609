"""The sensor's arithmetic, as `crates/genoa-sensor` does it."""

import math
import struct

MAGIC = b"GNSENSE1"
# Words that are looked at together, and how far apart such windows begin.
WINDOW, STRIDE = 24, 6
# Fewer words than that are not looked at.
FEWEST = 8
BUCKETS = 1 << 16
# Words of one run.
RUN = 3
UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


def words(text):
    """Runs of letters and digits, in lower case; all numbers are one word."""
    found, word = [], ""
    for letter in text + " ":
        if letter in UNSEEN:
            continue
        if letter.isalnum():
            word += letter.lower()
        elif word:
            found.append("0" if word[0].isdigit() else word)
            word = ""
    return found


def hashed(data):
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def checksum(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def buckets(window):
    """Where the runs of a window's words stand, each once."""
    found = set()
    for start in range(len(window)):
        for length in range(1, RUN + 1):
            if start + length <= len(window):
                value = hashed(" ".join(window[start : start + length]).encode())
                found.add((value ^ value >> 16) & BUCKETS - 1)
    return sorted(found)


class Sensor:
    def __init__(self, data):
        body = data[len(MAGIC) : -8]
        assert data.startswith(MAGIC) and struct.unpack("<Q", data[-8:])[0] == checksum(body)
        self.step, self.bias = struct.unpack("<ff", body[:8])
        self.weights = struct.unpack(f"<{BUCKETS}b", body[8:])

    def score(self, text):
        found = words(text)
        if len(found) < FEWEST:
            return 0.0
        starts = range(0, max(1, len(found) - WINDOW + STRIDE), STRIDE)
        return max(self.window(found[start : start + WINDOW]) for start in starts)

    def window(self, window):
        found = buckets(window)
        total = self.bias + self.step * sum(self.weights[place] for place in found) / math.sqrt(len(found))
        return 1.0 / (1.0 + math.exp(-total))
