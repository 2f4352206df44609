"""The cases of the Berkeley Function Calling Leaderboard, and what its own checker says of an answer."""

import os
import sys
import tempfile
import types
from dataclasses import dataclass

# The package makes folders for results beside itself, unless it is told where.
os.environ.setdefault("BFCL_PROJECT_ROOT", tempfile.mkdtemp(prefix="bfcl-"))
# Its table of models imports the clients of two dozen vendors. The checker reads one thing there: whether a dot in a function's name
# was sent as an underscore, as OpenAI's protocol wants it.
MODEL = "genoa"
table = types.ModuleType("bfcl_eval.constants.model_config")
table.MODEL_CONFIG_MAPPING = {MODEL: types.SimpleNamespace(underscore_to_dot=True)}
sys.modules[table.__name__] = table

from bfcl_eval.constants.enums import Language, ModelStyle
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker
from bfcl_eval.model_handler.utils import convert_to_tool
from bfcl_eval.utils import load_dataset_entry, load_ground_truth_entry

CATEGORIES = ("simple_python", "multiple", "parallel", "irrelevance")
# Where the model should call nothing; these have no answers to compare with.
NO_CALL_WANTED = "irrelevance"

UNWANTED, NO_CALL, COUNT, FUNCTION, ARGUMENT, REFUSED = KINDS = (
    "call where none was wanted",
    "no call",
    "wrong count",
    "wrong function",
    "wrong argument",
    "refused",
)


@dataclass
class Case:
    """A question, the functions that are offered with it, and what may be called."""

    id: str
    category: str
    messages: list[dict]
    functions: list[dict]
    wanted: list[dict]

    def tools(self) -> list[dict]:
        """The functions as OpenAI's protocol has them, made by BFCL."""
        return convert_to_tool(self.functions, GORILLA_TO_OPENAPI, ModelStyle.OPENAI_COMPLETIONS)


@dataclass
class Verdict:
    """What came of a case: nothing wrong, or a kind of failure and the checker's words."""

    kind: str | None = None
    why: str = ""


def cases(category: str, most: int | None = None) -> list[Case]:
    """The cases of a category in their order; with `most`, that many, spread evenly: always the same."""
    wanted = {}
    if category != NO_CALL_WANTED:
        wanted = {entry["id"]: entry["ground_truth"] for entry in load_ground_truth_entry(category)}
    entries = load_dataset_entry(category)
    if most is not None and most < len(entries):
        entries = [entries[place * len(entries) // most] for place in range(most)]
    return [
        Case(entry["id"], category, entry["question"][0], entry["function"], wanted.get(entry["id"], []))
        for entry in entries
    ]


def verdict(case: Case, calls: list[dict], failure: str | None = None) -> Verdict:
    """Judges calls, each `{function: arguments}`. Whether they pass is BFCL's word; what kind of failure it is, ours."""
    if failure is not None:
        return Verdict(REFUSED, failure)
    if case.category == NO_CALL_WANTED:
        return Verdict(UNWANTED, str(calls)) if calls else Verdict()
    checked = ast_checker(case.functions, calls, case.wanted, Language.PYTHON, case.category, MODEL)
    if checked["valid"]:
        return Verdict()
    return Verdict(kind(case, calls, checked["error_type"]), str(checked["error"]))


def kind(case: Case, calls: list[dict], error: str) -> str:
    if not calls:
        return NO_CALL
    if error.endswith("wrong_count"):
        return COUNT
    names = lambda calls: sorted(name.replace(".", "_") for call in calls for name in call)
    return ARGUMENT if names(calls) == names(case.wanted) else FUNCTION
