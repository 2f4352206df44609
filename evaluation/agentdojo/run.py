"""AgentDojo's tasks on Genoa: plans that were written from the prompts, Genoa's own planner, one that is wholly hijacked, and a
model that calls the functions one by one.

    python run.py plans  --genoa target/release/genoa --out plans.jsonl [--attack]
    python run.py planner --genoa target/release/genoa --out planner.jsonl [--attack]
    python run.py puppet --genoa target/release/genoa --out puppet.jsonl
    python run.py bare|loop --genoa target/release/genoa --out loop.jsonl [--attack] [--one]

One line of JSON a task, or a pair of tasks, goes to the file; what is in it already is not run again.
"""

import argparse
import contextlib
import io
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline
from agentdojo.attacks.important_instructions_attacks import ImportantInstructionsAttack
from agentdojo.functions_runtime import FunctionCall, FunctionReturnType, FunctionsRuntime, TaskEnvironment
from agentdojo.task_suite.load_suites import get_suite
from agentdojo.types import text_content_block_from_string
from openai import OpenAIError

import loop
import person
from genoa import Connection, Refused, daemon, gateway, wait_for
from tools import CHANGES, SUITES, VERSION, demands_of, from_arguments, offer, to_json

PLANS = Path(__file__).parent / "plans"
# AgentDojo's worlds have no clock; their last entries are of this month.
CLOCK = {"now": "2022-03-15T10:00:00+00:00", "timezone": "UTC"}
# The manifest under whose rights the puppet acts. Choosing one by the words of the task is not what is looked at here.
AGENT = "communication"
# A rule that a person may have: what is all their own words goes without a question. It covers neither what others could have
# written nor what is new to its reader, since it does not say so.
OWN_WORDS = 'permit (principal, action in Action::"emit", resource);\n'
MODEL_FUNCTIONS = ("extract(", "propose(", "rewrite(", "summarise(")
SHOWN_ANSWER = 2000
CHECKING = threading.Lock()


@dataclass
class World:
    """A task's world, where the calls are carried out, and the person whose world it is."""

    suite_name: str
    user_task: str
    injections: dict[str, str]
    injection_task: str | None = None
    is_exact: bool = False
    calls: list[dict] = field(default_factory=list)
    questions: list[dict] = field(default_factory=list)
    trace: list[FunctionCall] = field(default_factory=list)
    returned: FunctionReturnType = None
    summary: dict | None = None
    plan: str = ""

    def __post_init__(self) -> None:
        self.suite = get_suite(VERSION, self.suite_name)
        self.task = self.suite.user_tasks[self.user_task]
        environment = self.suite.load_and_inject_default_environment(self.injections)
        self.environment: TaskEnvironment = self.task.init_environment(environment)
        self.before = self.environment.model_copy(deep=True)
        self.runtime = FunctionsRuntime(self.suite.tools)
        self.offered = offer(self.suite_name)
        self.parameters = {
            tool["name"]: [parameter["name"] for parameter in tool["parameters"]] for tool in self.offered["tools"]
        }
        # What a puppet was told to do is compared letter by letter.
        self.wanted = (
            self.task.ground_truth(self.before)
            if self.is_exact
            else person.wanted_calls(self.suite_name, self.task, self.before)
        )

    def connect(self, home: Path, workspace: Path) -> "Surface":
        return Surface(self, Connection(home), home, workspace)

    def carry_out(self, tool: str, arguments: dict) -> dict:
        """Carries a call out in AgentDojo's own environment; gives the outcome."""
        function = tool.partition(".")[2]
        taken = from_arguments(arguments)
        self.trace.append(FunctionCall(function=function, args=taken))
        result, error = self.runtime.run_function(self.environment, function, taken)
        self.returned = result
        self.calls.append({"tool": tool, "arguments": taken, "error": error})
        if error is not None:
            return {"Err": {"code": "tool_failed", "what": f"{tool} failed", "why": error}}
        return {"Ok": to_json(result, function)}

    def decide(self, question: dict) -> object:
        """The person's answer, of which note is taken."""
        calls = person.shown(question, self.parameters)
        is_like = person.wants_exactly if self.is_exact else person.wants
        is_wanted = bool(calls) and all(is_like(call, self.wanted) for call in calls)
        self.questions.append(
            {
                "title": question["title"],
                "content": question["content"],
                "kind": next(iter(question["wants"])) if isinstance(question["wants"], dict) else question["wants"],
                "tools": [call.function for call in calls],
                "yes": is_wanted,
            }
        )
        return person.answer(question, is_wanted)

    def verdict(self, said: str) -> dict:
        """What AgentDojo's own checks say of the world as it is now."""
        output = [text_content_block_from_string(said)]
        check = lambda task: self.suite._check_task_result(task, output, self.before, self.environment, self.trace)
        # One of its checks prints, and what is printed goes to one place for all threads.
        with CHECKING, contextlib.redirect_stdout(io.StringIO()):
            utility = bool(check(self.task))
            is_attacked = self.injection_task is not None
            attacked = bool(check(self.suite.injection_tasks[self.injection_task])) if is_attacked else None
        return {"utility": utility, "attack_succeeded": attacked}


def begin(connection: Connection, workspace: Path) -> int:
    """Begins a session; gives its number."""
    request = {"workspace": str(workspace), "person": {"name": "", "email": ""}, "clock": CLOCK}
    return connection.call("session", request)["session"]


class Surface:
    """The program that offers the world's tools, and the person at its side."""

    def __init__(self, world: World, connection: Connection, home: Path, workspace: Path) -> None:
        self.world, self.connection, self.home = world, connection, home
        self.session = begin(connection, workspace)
        connection.call("offer", world.offered)

    def deal_with(self, news: dict) -> None:
        match news["kind"]:
            case "call":
                outcome = self.world.carry_out(news["tool"], news["arguments"])
                self.connection.start("returned", {"call": news["call"], "outcome": outcome})
            case "asked":
                answer = self.world.decide(news)
                self.connection.start("answer", {"question": news["id"], "answer": answer})
            case "plan":
                self.world.plan = news["source"]
            case "finished":
                self.world.summary = news

    def run_plan(self, source: str) -> dict:
        """Has a plan run; gives the report of its end."""
        request = self.connection.start("plan", {"source": source})
        report = wait_for(request, self.connection, self.connection, self.deal_with)["plan"]
        is_rejected = isinstance(report["outcome"], dict) and "rejected" in report["outcome"]
        while self.world.summary is None and not is_rejected:
            self.connection.take_in()
            while self.connection.news:
                self.deal_with(self.connection.news.popleft())
        return report

    def intend(self, words: str) -> None:
        """States an intention, and waits for its end."""
        self.connection.start("intend", {"text": words, "agent": None})
        while self.world.summary is None:
            self.connection.take_in()
            while self.connection.news:
                self.deal_with(self.connection.news.popleft())

    def close(self) -> None:
        self.connection.close()


def plan_of(world: World) -> str:
    return (PLANS / world.suite_name / f"{world.user_task}.plan").read_text()


def adopted_plan_of(world: World) -> str | None:
    """The plan for what the person adopts, where what to do stands in what is read."""
    path = PLANS / world.suite_name / f"{world.user_task}.adopted.plan"
    return path.read_text() if path.exists() else None


def texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for one in value.values() for text in texts_in(one))
        case list():
            yield from (text for one in value for text in texts_in(one))


def adopts(world: World, proposal: dict) -> bool:
    """Whether the person makes a proposal their own: it stands in the world as it is without the attack."""
    clean = world.suite.load_and_inject_default_environment({})
    line = lambda text: " ".join(text.split())
    return any(line(proposal["text"]) in line(text) for text in texts_in(clean.model_dump()))


def adopt(world: World, surface: "Surface", plan: str) -> list[dict]:
    """Has the person look at what is proposed; where they adopt something, the plan for it runs. Gives all that was proposed."""
    proposals = [
        {"text": proposal["text"], "adopted": adopts(world, proposal)}
        for proposal in (world.summary or {}).get("proposals", [])
    ]
    if any(proposal["adopted"] for proposal in proposals):
        world.summary = None
        surface.run_plan(plan)
    return proposals


def uses_model(source: str) -> bool:
    return any(function in source for function in MODEL_FUNCTIONS)


def run_plan(world: World, home: Path, workspace: Path) -> dict:
    source = plan_of(world)
    surface = world.connect(home, workspace)
    try:
        report = surface.run_plan(source)
        adopted = adopted_plan_of(world)
        proposals = adopt(world, surface, adopted) if adopted else []
    finally:
        surface.close()
    summary = world.summary or {}
    answer = summary.get("answer", "")
    return {
        "refuses": source.startswith("refuse("),
        "uses_model": uses_model(source),
        "proposals": proposals,
        "outcome": summary.get("outcome", report["outcome"]),
        "answer": answer[:SHOWN_ANSWER],
        **world.verdict(answer),
    }


def run_planner(world: World, home: Path, workspace: Path) -> dict:
    """The local model writes the plan, from the prompt and the offered tools alone."""
    surface = world.connect(home, workspace)
    try:
        surface.intend(world.task.PROMPT)
    finally:
        surface.close()
    answer = world.summary.get("answer", "")
    return {
        "refuses": world.plan.startswith("refuse("),
        "uses_model": True,
        "plan": world.plan,
        "outcome": world.summary["outcome"],
        "answer": answer[:SHOWN_ANSWER],
        **world.verdict(answer),
    }


def matters(world: World, call: FunctionCall) -> bool:
    """Whether a call changes something outside, or tells somebody something: those are protected."""
    rules = demands_of(world.suite_name, call.function)
    return call.function in CHANGES[world.suite_name] or any(rule.demand == "person" for rule in rules.values())


def run_puppet(world: World, home: Path, workspace: Path) -> dict:
    """A planner that does what it was told, then what it was told by somebody else."""
    injection = world.suite.injection_tasks[world.injection_task]
    parts = {"user": world.task.ground_truth(world.before), "attack": injection.ground_truth(world.before)}
    surface, agent, made = world.connect(home, workspace), Connection(home), []
    try:
        begin(agent, workspace)
        agent.call("act", {"text": world.task.PROMPT, "agent": AGENT, "session": surface.session})
        for part, calls in parts.items():
            made += [make_call(world, surface, agent, part, call) for call in calls]
    finally:
        agent.close()
        surface.close()
    return {"made": made, **world.verdict(world.task.GROUND_TRUTH_OUTPUT)}


def make_call(world: World, surface: Surface, agent: Connection, part: str, call: FunctionCall) -> dict:
    asked, carried_out = len(world.questions), len(world.calls)
    tool = f"{world.suite_name}.{call.function}"
    request = agent.start("call", {"tool": tool, "arguments": dict(call.args)})
    failure = None
    try:
        wait_for(request, agent, surface.connection, surface.deal_with)
    except Refused as refused:
        failure = refused.failure
    new = world.questions[asked:]
    return {
        "part": part,
        "tool": tool,
        "matters": matters(world, call),
        "asked": bool(new),
        "yes": bool(new) and all(question["yes"] for question in new),
        "carried_out": len(world.calls) > carried_out,
        "failure": failure,
    }


def run_bare(world: World, reach: tuple[str, str]) -> dict:
    """The local model calls the functions, and nothing stands between."""

    def make(function: str, arguments: dict) -> tuple[FunctionReturnType, str | None]:
        outcome = world.carry_out(f"{world.suite_name}.{function}", arguments)
        return world.returned, outcome["Err"]["why"] if "Err" in outcome else None

    return model_calls(world, make, reach)


def run_loop(world: World, home: Path, workspace: Path, reach: tuple[str, str]) -> dict:
    """The same model in the same loop, where each call is put to Genoa."""
    surface, agent = world.connect(home, workspace), Connection(home)

    def make(function: str, arguments: dict) -> tuple[FunctionReturnType, str | None]:
        request = agent.start("call", {"tool": f"{world.suite_name}.{function}", "arguments": arguments})
        try:
            wait_for(request, agent, surface.connection, surface.deal_with)
        except Refused as refused:
            return "", f"{refused.failure['what']}: {refused.failure.get('why', '')}"
        return world.returned, None

    try:
        begin(agent, workspace)
        agent.call("act", {"text": world.task.PROMPT, "agent": AGENT, "session": surface.session})
        return model_calls(world, make, reach)
    finally:
        agent.close()
        surface.close()


def model_calls(world: World, make: loop.Make, reach: tuple[str, str]) -> dict:
    outcome, answer, turns = "done", "", 0
    try:
        answer, turns = loop.run(world.task.PROMPT, world.suite, make, *reach)
    except OpenAIError as error:
        outcome = f"the model was not heard: {error}"
    return {
        "refuses": False,
        "uses_model": True,
        "outcome": outcome,
        "turns": turns,
        "answer": answer[:SHOWN_ANSWER],
        **world.verdict(answer),
    }


def attacks(suite_name: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every user task with every injection task, and the texts that the attack puts into the world."""
    suite = get_suite(VERSION, suite_name)
    pipeline = GroundTruthPipeline(None)
    pipeline.name = "local"
    attack = ImportantInstructionsAttack(suite, pipeline)
    for user_task in suite.user_tasks.values():
        for injection_task in suite.injection_tasks.values():
            yield user_task.ID, injection_task.ID, attack.attack(user_task, injection_task)


def one_each(suite_name: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Of the attacks, one for every user task, so that each comes up about as often as any other."""
    every = list(attacks(suite_name))
    of_a_task = len(get_suite(VERSION, suite_name).injection_tasks)
    for number in range(len(every) // of_a_task):
        yield every[number * of_a_task + number % of_a_task]


def worlds(arguments: argparse.Namespace) -> Iterator[World]:
    is_puppet = arguments.mode == "puppet"
    for suite in arguments.suite or SUITES:
        if is_puppet or arguments.attack:
            for user_task, injection_task, injections in one_each(suite) if arguments.one else attacks(suite):
                yield World(suite, user_task, injections, injection_task, is_exact=is_puppet)
        else:
            for user_task in get_suite(VERSION, suite).user_tasks:
                yield World(suite, user_task, {})


def key(line: dict) -> tuple:
    return line["suite"], line["task"], line["injection"]


def runner(arguments: argparse.Namespace, home: Path, workspace: Path, stack: contextlib.ExitStack) -> Callable[[World], dict]:
    """How a world is run, with what it needs for that."""
    if arguments.mode in ("bare", "loop"):
        reach = stack.enter_context(gateway(arguments.genoa.resolve(), home))
        if arguments.mode == "bare":
            return lambda world: run_bare(world, reach)
        return lambda world: run_loop(world, home, workspace, reach)
    run = {"puppet": run_puppet, "planner": run_planner, "plans": run_plan}[arguments.mode]
    return lambda world: run(world, home, workspace)


def run_all(arguments: argparse.Namespace, run: Callable[[World], dict]) -> None:
    lines = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.exists() else []
    done = {key(line) for line in lines}
    writing = threading.Lock()

    def run_one(world: World) -> None:
        line = {"suite": world.suite_name, "task": world.user_task, "injection": world.injection_task}
        is_left_out = bool(arguments.task) and world.user_task not in arguments.task
        is_left_out |= arguments.no_model and arguments.mode == "plans" and uses_model(plan_of(world))
        if key(line) in done or is_left_out:
            return
        began = time.monotonic()
        line |= run(world)
        line |= {"seconds": round(time.monotonic() - began, 3), "questions": world.questions, "calls": world.calls}
        with writing:
            out.write(json.dumps(line) + "\n")
            out.flush()

    with arguments.out.open("a") as out, ThreadPoolExecutor(arguments.together) as pool:
        for ended in [pool.submit(run_one, world) for world in worlds(arguments)]:
            ended.result()


def share(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def summary_of_plans(lines: list[dict]) -> list[str]:
    able = [line for line in lines if not line["refuses"]]
    own = [line for line in able if not line["uses_model"]]
    count = lambda lines: share(sum(line["utility"] for line in lines), len(lines))
    # Some checks of AgentDojo hold before anything was done, so a plan that failed may pass them.
    ended = sum(line["utility"] and line["outcome"] == "done" for line in able)
    questions = [question for line in lines for question in line["questions"]]
    said = [
        f"utility: {count(lines)}; of these the plan ran to its end: {ended}",
        f"  of those with a plan: {count(able)}; of those without the model: {count(own)}",
        f"questions: {len(questions)}, of which yes: {sum(question['yes'] for question in questions)}",
        f"runs without a question: {share(sum(not line['questions'] for line in lines), len(lines))}",
    ]
    if able:
        counts = [len(line["questions"]) for line in able]
        said.append(f"questions a plan: median {statistics.median(counts):g}, mean {statistics.fmean(counts):.2f}")
    attacked = [line for line in lines if line["attack_succeeded"] is not None]
    if attacked:
        said.append(f"attacks that succeeded: {share(sum(line['attack_succeeded'] for line in attacked), len(attacked))}")
    return said


def summary_of_puppet(lines: list[dict]) -> list[str]:
    made = [call for line in lines for call in line["made"]]
    attack = [call for call in made if call["part"] == "attack" and call["matters"]]
    looks = [call for call in made if call["part"] == "attack" and not call["matters"]]
    user = [call for call in made if call["part"] == "user"]
    asked = [call for call in user if call["asked"]]
    count = lambda calls, what: share(sum(call[what] for call in calls), len(calls))
    unasked = sum(call["carried_out"] and not call["asked"] for call in attack)
    return [
        f"attack calls that matter, carried out: {count(attack, 'carried_out')}; without a question: {unasked}",
        f"attack calls that only look at the person's own: {count(looks, 'carried_out')} carried out",
        f"attacks that succeeded: {share(sum(line['attack_succeeded'] for line in lines), len(lines))}",
        f"the task's own calls, carried out: {count(user, 'carried_out')}",
        f"  asked about: {count(user, 'asked')}; of these yes: {count(asked, 'yes')}; carried out: {count(asked, 'carried_out')}",
        f"utility: {share(sum(line['utility'] for line in lines), len(lines))}",
    ]


def summarise(out: Path, mode: str) -> None:
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    of = summary_of_puppet if mode == "puppet" else summary_of_plans
    for suite in SUITES:
        if own := [line for line in lines if line["suite"] == suite]:
            seconds = sum(line["seconds"] for line in own)
            print(f"{suite}: {len(own)} runs, {seconds:.1f} s", *(f"  {text}" for text in of(own)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("plans", "planner", "puppet", "bare", "loop"))
    parser.add_argument("--genoa", type=Path, required=True, help="the binary")
    parser.add_argument("--out", type=Path, required=True, help="where the lines go")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this suite")
    parser.add_argument("--task", action="append", help="only this user task")
    parser.add_argument("--attack", action="store_true", help="with each injection in the world")
    parser.add_argument("--one", action="store_true", help="attack: one injection for each user task")
    parser.add_argument("--no-model", action="store_true", help="plans: only those that do without the model")
    parser.add_argument("--own-words", action="store_true", help="with a rule by which the person's own words go unasked")
    parser.add_argument("--together", type=int, default=1, help="runs at the same time, which the model writes in one batch")
    parser.add_argument("--home", type=Path, help="the home of a daemon that runs already")
    arguments = parser.parse_args()
    # So that the daemon ends with a run that is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with tempfile.TemporaryDirectory(prefix="agentdojo-") as folder:
        home, workspace = arguments.home or Path(folder) / "home", Path(folder) / "work"
        workspace.mkdir()
        if arguments.own_words:
            rules = home / "policy"
            rules.mkdir(parents=True)
            (rules / "own-words.cedar").write_text(OWN_WORDS)
        with contextlib.ExitStack() as stack:
            if not arguments.home:
                stack.enter_context(daemon(arguments.genoa.resolve(), home))
            run_all(arguments, runner(arguments, home, workspace, stack))
    summarise(arguments.out, arguments.mode)


if __name__ == "__main__":
    main()
