"""What the evaluation takes for right and wrong: `python -m unittest`."""

import unittest

from cases import ARGUMENT, CATEGORIES, COUNT, FUNCTION, NO_CALL, NO_CALL_WANTED, REFUSED, UNWANTED, Case, cases, verdict


def first(value: object) -> object:
    """A value in which each list of what may stand somewhere is replaced by the first of it."""
    match value:
        case dict():
            return {key: first(values[0]) for key, values in value.items() if values[0] != ""}
        case list():
            return [first(one) for one in value]
    return value


def right(case: Case) -> list[dict]:
    """The calls that BFCL has as the answer."""
    return [
        {name.replace(".", "_"): {key: first(said(values)) for key, values in arguments.items() if said(values) != ""}}
        for call in case.wanted
        for name, arguments in call.items()
    ]


def said(values: list) -> object:
    """The first value that is one: the empty text stands for leaving the argument out."""
    return next((value for value in values if value != ""), "")


class Verdicts(unittest.TestCase):
    def test_the_right_calls_pass(self):
        for category in CATEGORIES:
            for case in cases(category):
                self.assertIsNone(verdict(case, right(case)).kind, case.id)

    def test_every_failure_has_its_kind(self):
        [parallel] = cases("parallel", 1)
        calls = right(parallel)
        [name] = calls[0]
        self.assertEqual(verdict(parallel, []).kind, NO_CALL)
        self.assertEqual(verdict(parallel, calls[:1]).kind, COUNT)
        self.assertEqual(verdict(parallel, [calls[0], {"other": {}}]).kind, FUNCTION)
        self.assertEqual(verdict(parallel, [calls[0], {name: {**calls[0][name], "artist": "Nobody"}}]).kind, ARGUMENT)
        self.assertEqual(verdict(parallel, [], "400").kind, REFUSED)
        [none] = cases(NO_CALL_WANTED, 1)
        self.assertEqual((verdict(none, []).kind, verdict(none, calls).kind), (None, UNWANTED))

    def test_a_sample_is_spread_and_always_the_same(self):
        ids = [case.id for case in cases("multiple", 4)]
        self.assertEqual(ids, ["multiple_0", "multiple_50", "multiple_100", "multiple_150"])
        self.assertEqual(len(cases("multiple")), 200)

    def test_functions_are_offered_with_names_that_the_protocol_allows(self):
        for case in cases("multiple"):
            for tool in case.tools():
                self.assertRegex(tool["function"]["name"], r"^[a-zA-Z0-9_-]{1,64}$")


if __name__ == "__main__":
    unittest.main()
