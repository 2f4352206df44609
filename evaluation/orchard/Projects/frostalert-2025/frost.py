"""The first version, before it was written in Rust."""


def is_frost(temp):
    return temp < 0
