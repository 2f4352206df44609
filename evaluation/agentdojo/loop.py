"""A model that calls AgentDojo's functions one by one, over the OpenAI protocol: unguarded, or with each call put to Genoa."""

from collections.abc import Callable, Mapping

import openai
from agentdojo.agent_pipeline import AgentPipeline, InitQuery, OpenAILLM, SystemMessage, ToolsExecutionLoop, ToolsExecutor
from agentdojo.agent_pipeline.agent_pipeline import load_system_message
from agentdojo.functions_runtime import FunctionReturnType, FunctionsRuntime
from agentdojo.task_suite import TaskSuite
from agentdojo.types import get_text_content_as_str

# AgentDojo's own is 15. A small model that repeats itself does not come to an end in the other seven either.
MOST_TURNS = 8
# What a small model writes in one turn that goes nowhere is no longer than this.
TURN_SECONDS = 300

# Makes a call; gives what came of it, or why nothing did.
Make = Callable[[str, dict], tuple[FunctionReturnType, str | None]]


class Hand(FunctionsRuntime):
    """A suite's functions, where somebody else carries the calls out."""

    def __init__(self, suite: TaskSuite, make: Make) -> None:
        super().__init__(suite.tools)
        self.make = make

    def run_function(
        self, env: object, function: str, kwargs: Mapping[str, object], raise_on_error: bool = False
    ) -> tuple[FunctionReturnType, str | None]:
        return self.make(function, dict(kwargs))


def run(prompt: str, suite: TaskSuite, make: Make, url: str, token: str) -> tuple[str, int]:
    """Has the model work on a task; gives its last words, and how many turns it took."""
    client = openai.OpenAI(base_url=url, api_key=token, timeout=TURN_SECONDS, max_retries=0)
    model = OpenAILLM(client, client.models.list().data[0].id)
    loop = ToolsExecutionLoop([ToolsExecutor(), model], max_iters=MOST_TURNS)
    pipeline = AgentPipeline([SystemMessage(load_system_message(None)), InitQuery(), model, loop])
    *_, messages, _ = pipeline.query(prompt, Hand(suite, make))
    turns = [message for message in messages if message["role"] == "assistant"]
    content = turns[-1]["content"] if turns else None
    return get_text_content_as_str(content) if content else "", len(turns)
