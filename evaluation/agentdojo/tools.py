"""AgentDojo's functions as tools that a program offers to Genoa: schemas, record types, and what each argument demands.

Names, types and descriptions are taken from AgentDojo at run time; what is added here is what a person who has such a bank
or such a workspace would want protected.

    python tools.py banking            prints {"tools": [...], "records": [...]}
    python tools.py --table            prints the demands with their reasons, as Markdown
"""

import argparse
import json
import types
import typing
from dataclasses import dataclass

from agentdojo.functions_runtime import Function
from agentdojo.task_suite.load_suites import get_suite

VERSION = "v1.2.2"
SUITES = ("banking", "slack")


@dataclass(frozen=True)
class Demand:
    """What an argument must be made of so that the person is not asked about it, and who will read it."""

    demand: str
    why: str
    shown_to: tuple[str, ...] = ()


def person(why: str) -> Demand:
    return Demand("person", why)


def read_by(parameter: str, why: str) -> Demand:
    """May be made of anything, but those who get it are looked at: what they do not have yet is told of."""
    return Demand("anything", why, (parameter,))


def anything(why: str) -> Demand:
    return Demand("anything", why)


# What changes something outside, with what each of its parameters demands. Everything else only reads.
MONEY = person("where money goes")
AMOUNT = person("how much money goes")
WHEN = person("when money goes")
AGAIN = person("whether money goes again and again")
OWN_DATA = person("what the bank knows the person by; letters go there")
PAYEE_READS = read_by("recipient", "free text that the payee reads")
CHANGES = {
    "banking": {
        "send_money": {"recipient": MONEY, "amount": AMOUNT, "subject": PAYEE_READS, "date": WHEN},
        "schedule_transaction": {
            "recipient": MONEY, "amount": AMOUNT, "subject": PAYEE_READS, "date": WHEN, "recurring": AGAIN,
        },
        "update_scheduled_transaction": {
            "id": person("which payment becomes another one"),
            "recipient": MONEY, "amount": AMOUNT, "subject": PAYEE_READS, "date": WHEN, "recurring": AGAIN,
        },
        "update_password": {"password": person("who knows it has the account")},
        "update_user_info": {"first_name": OWN_DATA, "last_name": OWN_DATA, "street": OWN_DATA, "city": OWN_DATA},
    },
    "slack": {
        "send_direct_message": {
            "recipient": person("who gets a message"),
            "body": read_by("recipient", "meant to carry what was read; the recipient reads it"),
        },
        "send_channel_message": {
            "channel": person("who gets a message"),
            "body": read_by("channel", "meant to carry what was read; the whole channel reads it"),
        },
        "add_user_to_channel": {
            "user": person("who gets to read a channel"),
            "channel": person("which channel somebody gets to read"),
        },
        "invite_user_to_slack": {
            "user": person("who gets in"),
            "user_email": person("who owns the address gets in"),
        },
        "remove_user_from_slack": {"user": person("who is shut out")},
        "post_webpage": {
            "url": person("where it is published"),
            "content": read_by("url", "meant to carry what was read; whoever visits the page reads it"),
        },
    },
}  # fmt: skip

# What only reads. A request to a host tells that host the whole address, so data could leave in it.
LOOKS = {
    "banking": {
        "get_most_recent_transactions": {"n": anything("how many are looked at; the bank is the person's own")},
        "read_file": {"file_path": anything("the files are the person's own, and only the person sees what is in them")},
    },
    "slack": {
        "read_channel_messages": {"channel": anything("the person may read it, and nobody else learns of it")},
        "read_inbox": {"user": anything("the person may read it, and nobody else learns of it")},
        "get_users_in_channel": {"channel": anything("the person may look, and nobody else learns of it")},
        "get_webpage": {"url": person("a host learns whatever stands in an address that it is asked for")},
    },
}

# Days are words for Genoa, which resolves them by the session's clock; a program gets the day back.
DAYS = {"date"}

# Functions that answer with a dictionary: with these keys always, which makes it a record, or with one message.
PROFILE = "Profile"
RECORD_OF_DICTIONARY = {"get_user_info": PROFILE, "update_user_info": PROFILE}
PROFILE_FIELDS = ("first_name", "last_name", "street", "city")

# What a planner has to know of the data and AgentDojo's descriptions do not say.
FIELD_NOTES = {
    ("Transaction", "sender"): 'IBAN of the sender, or "me"',
    ("Transaction", "recipient"): 'IBAN of the recipient, or "me"',
    ("Transaction", "date"): "its day, like 2022-01-31",
}

# The field that stands for the whole, and the fields with those who have the record already. The sender of a message is
# known to the server, so it is no claim of the text's.
TITLES = {"Transaction": "subject", "Message": "body", PROFILE: None}
READERS = {"Message": ["sender", "recipient"]}


def type_of(annotation: typing.Any) -> str:
    """A type as the plan language writes it."""
    plain = {str: "str", int: "int", float: "float", bool: "bool", type(None): "None"}
    if annotation in plain:
        return plain[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return f"list[{type_of(arguments[0])}]"
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return type_of(inner[0]) + ("?" if len(inner) < len(arguments) else "")
    return annotation.__name__


def returns(function: Function) -> str:
    if function.name in RECORD_OF_DICTIONARY:
        return RECORD_OF_DICTIONARY[function.name]
    if typing.get_origin(function.return_type) is dict:
        return "str"  # {"message": …}
    return type_of(function.return_type if function.return_type is not None else type(None))


def demands_of(suite: str, function: str) -> dict[str, Demand]:
    return CHANGES[suite].get(function) or LOOKS[suite].get(function) or {}


def parameter(suite: str, function: Function, name: str) -> dict:
    field = function.parameters.model_fields[name]
    ty = type_of(field.annotation)
    if name in DAYS:
        ty = "time?" if ty.endswith("?") else "time"
    elif not field.is_required() and not ty.endswith("?"):
        ty += "?"
    rule = demands_of(suite, function.name)[name]  # One that is not thought about is an error.
    schema = {
        "name": name,
        "type": ty,
        "required": field.is_required(),
        "about": field.description or name,
        "demand": rule.demand,
    }
    return schema | ({"shown_to": list(rule.shown_to)} if rule.shown_to else {})


def tool(suite: str, function: Function, executor: str) -> dict:
    leaves = function.name in CHANGES[suite]
    # AgentDojo's world is reset after every task: there is nothing to take back, and a window of 30 s a call to wait for.
    at_once = {"at_once": True} if leaves else {}
    return {
        "name": f"{suite}.{function.name}",
        "about": " ".join(function.description.split()),
        "parameters": [parameter(suite, function, name) for name in function.parameters.model_fields],
        "returns": returns(function),
        "yields": "foreign",
        "effect": "emit" if leaves else "observe",
        "executor": executor,
    } | at_once


def record(name: str, fields: list[tuple[str, str, str]]) -> dict:
    schema = {"name": name, "fields": [{"name": n, "type": ty, "about": about} for n, ty, about in fields]}
    if TITLES.get(name):
        schema["title"] = TITLES[name]
    return schema | ({"readers": READERS[name]} if name in READERS else {})


def records(functions: list[Function]) -> list[dict]:
    """The record types that these functions return."""
    made = {}
    for function in functions:
        for model in typing.get_args(function.return_type):
            if hasattr(model, "model_fields"):
                name = model.__name__
                note = lambda field, info: FIELD_NOTES.get((name, field)) or info.title or field
                made[name] = [(f, type_of(i.annotation), note(f, i)) for f, i in model.model_fields.items()]
        if function.name in RECORD_OF_DICTIONARY:
            made[PROFILE] = [(field, "str", field.replace("_", " ")) for field in PROFILE_FIELDS]
    return [record(name, fields) for name, fields in made.items()]


def offer(suite: str, executor: str = "client") -> dict:
    """What a program offers to a session so that its plans can use the suite."""
    functions = get_suite(VERSION, suite).tools
    return {"tools": [tool(suite, function, executor) for function in functions], "records": records(functions)}


def to_json(value: typing.Any, function: str) -> typing.Any:
    """What a function gave, in the form that its tool's schema promises."""
    if isinstance(value, list):
        return [to_json(item, function) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, dict) and function not in RECORD_OF_DICTIONARY:
        return value["message"]
    return value


def from_arguments(arguments: dict) -> dict:
    """Arguments as AgentDojo's functions take them: of a resolved time, its first day."""
    day = lambda value: value["start"][:10] if isinstance(value, dict) else value
    return {name: day(value) if name in DAYS else value for name, value in arguments.items()}


def table() -> str:
    lines = ["| tool | effect | parameter | demand | read by | because |", "|---|---|---|---|---|---|"]
    for suite in SUITES:
        for effect, group in (("emit", CHANGES), ("observe", LOOKS)):
            for function, rules in group[suite].items():
                for name, rule in rules.items():
                    row = [f"`{suite}.{function}`", effect, f"`{name}`", rule.demand, ", ".join(rule.shown_to), rule.why]
                    lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=SUITES, nargs="?")
    parser.add_argument("--executor", default="client", help="who carries the calls out [default: %(default)s]")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
    elif arguments.suite:
        print(json.dumps(offer(arguments.suite, arguments.executor), indent=2))
    else:
        parser.error("which suite?")


if __name__ == "__main__":
    main()
