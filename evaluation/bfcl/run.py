"""BFCL v4, asked of a model through Genoa's OpenAI-compatible gateway by OpenAI's own client, and judged by BFCL's own checker.

    python run.py --genoa target/release/genoa --out bfcl.jsonl [--category multiple] [--most 40] [--together 8]

One line of JSON a case goes to the file; what is in it already is not asked again. Without `--genoa` nothing is asked: the file is judged.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import openai

from cases import CATEGORIES, KINDS, Case, cases, verdict

# Daemon and gateway are started as AgentDojo's evaluation does it.
sys.path.append(str(Path(__file__).parents[1] / "agentdojo"))
from genoa import daemon, gateway

# Words are no call, whatever they go on to say: so much of them is kept, and the rest is not waited for.
WORDS = 200
# Eight questions at a time share two cores, and a prompt may be long.
PATIENCE_SECONDS = 900


@contextmanager
def client_of(genoa: Path, home: Path, model: str, threads: int) -> Iterator[openai.OpenAI]:
    """A client of a daemon and a gateway with a home of their own, which end with the block."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(f'[model]\nname = "{model}"\nthreads = {threads}\n')
    with daemon(genoa, home), gateway(genoa, home) as (url, token):
        yield openai.OpenAI(base_url=url, api_key=token, timeout=PATIENCE_SECONDS, max_retries=2)


def ask(client: openai.OpenAI, model: str, case: Case) -> dict:
    """Asks one case; gives what came of it. It is streamed, so that words can be left at their beginning."""
    began = time.monotonic()
    outcome = {"id": case.id, "model": model, "calls": [], "words": "", "failure": None}
    try:
        answer = client.chat.completions.create(
            model=model, messages=case.messages, tools=case.tools(), temperature=0, stream=True
        )
        with answer:
            for chunk in answer:
                delta = chunk.choices[0].delta
                outcome["words"] += delta.content or ""
                for call in delta.tool_calls or []:
                    outcome["calls"].append({call.function.name: json.loads(call.function.arguments)})
                outcome["finish"] = chunk.choices[0].finish_reason
                if len(outcome["words"]) >= WORDS:
                    break
    except openai.BadRequestError as error:
        # A schema that is refused is an answer to this case. What else goes wrong ends the run, and is asked again by the next one.
        outcome["failure"] = error.message
    outcome["seconds"] = round(time.monotonic() - began, 3)
    return outcome


def ask_all(genoa: Path, model: str, threads: int, together: int, left: list[Case], out: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="genoa-bfcl-") as folder,
        client_of(genoa.resolve(), Path(folder) / "home", model, threads) as client,
        out.open("a") as file,
        ThreadPoolExecutor(together) as pool,
    ):
        asked = [pool.submit(ask, client, model, case) for case in left]
        try:
            for done, future in enumerate(as_completed(asked), 1):
                outcome = future.result()
                file.write(json.dumps(outcome) + "\n")
                file.flush()
                called = ", ".join(name for call in outcome["calls"] for name in call)
                print(f"{done}/{len(asked)} {outcome['id']} {outcome['seconds']} s: {called or 'no call'}", file=sys.stderr)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read(out: Path) -> dict[str, dict]:
    if not out.exists():
        return {}
    return {outcome["id"]: outcome for outcome in map(json.loads, out.read_text().splitlines())}


def report(category: str, chosen: list[Case], outcomes: dict[str, dict]) -> tuple[str, list[str]]:
    """The category's row of the table, and its failures."""
    seconds, kinds, failures = [], Counter(), []
    for case in chosen:
        outcome = outcomes.get(case.id)
        if outcome is None:
            continue
        judged = verdict(case, outcome["calls"], outcome["failure"])
        seconds.append(outcome["seconds"])
        kinds[judged.kind] += 1
        if judged.kind is not None:
            failures.append(f"{judged.kind}: {case.id}: {judged.why[:300]}")
    asked, passed = len(seconds), kinds[None]
    share = f"{100 * passed / asked:.1f}" if asked else "–"
    middle = f"{statistics.median(seconds):.1f}" if seconds else "–"
    wrong = ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS if kinds[kind])
    return f"| {category} | {asked} | {passed} | {share} | {middle} | {wrong} |", sorted(failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genoa", type=Path, help="the program; without it, what the file holds is judged")
    parser.add_argument("--out", type=Path, required=True, help="where the answers go, one line of JSON each")
    parser.add_argument("--category", action="append", choices=CATEGORIES, help="may be named again; all, if left out")
    parser.add_argument("--most", type=int, help="so many cases of each category, spread evenly over it")
    parser.add_argument("--together", type=int, default=8, help="questions that are asked at the same time")
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--threads", type=int, default=0, help="1 on a machine that has other work; 0: one for each core")
    arguments = parser.parse_args()
    chosen = {category: cases(category, arguments.most) for category in arguments.category or CATEGORIES}
    if arguments.genoa is not None:
        known = read(arguments.out)
        left = [case for of_category in chosen.values() for case in of_category if case.id not in known]
        if left:
            ask_all(arguments.genoa, arguments.model, arguments.threads, arguments.together, left, arguments.out)
    reports = [report(category, of_category, read(arguments.out)) for category, of_category in chosen.items()]
    print("\n".join(failure for _, failures in reports for failure in failures))
    print("\n| category | cases | passed | percent | seconds, median | failures |\n|---|---|---|---|---|---|")
    print("\n".join(row for row, _ in reports))


if __name__ == "__main__":
    main()
