"""Asks a gateway through OpenAI's own client, and says of each thing that is promised whether it holds."""

import argparse
import base64
import json
import math
import struct
import sys
import time
from collections.abc import Callable

import openai
from openai import OpenAI
from pydantic import BaseModel

CHECKS: list[Callable[[OpenAI, str], None]] = []

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def check(one: Callable[[OpenAI, str], None]) -> Callable[[OpenAI, str], None]:
    CHECKS.append(one)
    return one


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def refused(ask: Callable[[], object], kind: type[openai.APIStatusError], word: str) -> None:
    try:
        ask()
    except kind as error:
        assert word in str(error), error
    else:
        raise AssertionError("it was not refused")


@check
def the_model_is_listed(client: OpenAI, model: str) -> None:
    assert model in [one.id for one in client.models.list()]
    assert client.models.retrieve(model).id == model


@check
def it_answers(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=user("Say hello in one word."), max_tokens=16)
    assert answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@check
def what_comes_in_pieces_is_what_comes_whole(client: OpenAI, model: str) -> None:
    asked = {"model": model, "messages": user("Name three colours."), "max_tokens": 24}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    assert chunks[-1].usage.completion_tokens > 0


@check
def a_stop_text_is_no_part_of_the_answer(client: OpenAI, model: str) -> None:
    asked = "Count from 1 to 9, with commas between the numbers."
    answer = client.chat.completions.create(model=model, messages=user(asked), stop=["5"], max_tokens=64)
    assert "5" not in answer.choices[0].message.content


@check
def a_seed_decides(client: OpenAI, model: str) -> None:
    def say(seed: int) -> str:
        asked = {"model": model, "messages": user("Invent a name."), "temperature": 1.0, "max_tokens": 12}
        return client.chat.completions.create(**asked, seed=seed).choices[0].message.content

    # What is computed in other batches differs in its last digits: from here on the prompt's state is at hand each time.
    say(7)
    first, second = say(7), say(7)
    assert first == second, (first, second)
    said = {say(seed) for seed in range(4)}
    assert len(said) > 1, said


@check
def tokens_come_with_their_chances(client: OpenAI, model: str) -> None:
    asked = {"model": model, "messages": user("Name three colours."), "max_tokens": 12, "logprobs": True}
    choice = client.chat.completions.create(**asked, top_logprobs=3).choices[0]
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens).startswith(choice.message.content)
    assert all(token.logprob == token.top_logprobs[0].logprob and len(token.top_logprobs) == 3 for token in tokens)
    chunks = [chunk.choices[0] for chunk in client.chat.completions.create(**asked, stream=True)]
    told = [token.logprob for one in chunks if one.logprobs for token in one.logprobs.content]
    assert len(told) == len(tokens) and all(math.isclose(a, b.logprob, abs_tol=0.05) for a, b in zip(told, tokens))


@check
def several_answers_come_with_their_index(client: OpenAI, model: str) -> None:
    asked = {"model": model, "messages": user("Invent a name."), "temperature": 1.0, "seed": 5, "n": 3, "max_tokens": 4}
    choices = client.chat.completions.create(**asked).choices
    assert [choice.index for choice in choices] == [0, 1, 2] and all(choice.message.content for choice in choices)
    with client.chat.completions.stream(**asked) as stream:
        # The final completion would be refused by the client where an answer was cut off.
        streamed = stream.until_done().current_completion_snapshot.choices
    assert [choice.index for choice in streamed] == [0, 1, 2] and all(choice.message.content for choice in streamed)


@check
def a_schema_is_kept(client: OpenAI, model: str) -> None:
    class Person(BaseModel):
        name: str
        age: int
        friends: list[str]

    answer = client.chat.completions.parse(
        model=model,
        messages=user("Ada is 36 and her friends are Ben and Chen."),
        response_format=Person,
        max_tokens=128,
    )
    assert isinstance(answer.choices[0].message.parsed, Person)


@check
def a_function_is_called_with_arguments_of_its_schema(client: OpenAI, model: str) -> None:
    asked = {"model": model, "messages": user("What is the weather in Rome, in celsius?"), "tools": [WEATHER]}
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        call = client.chat.completions.create(**asked, tool_choice=choice).choices[0].message.tool_calls[0]
        assert call.function.name == "get_weather" and isinstance(json.loads(call.function.arguments)["city"], str)
    with client.chat.completions.stream(**asked, tool_choice="required") as stream:
        final = stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls" and final.choices[0].message.tool_calls


@check
def a_result_is_gone_on_with(client: OpenAI, model: str) -> None:
    messages = user("What is the weather in Rome?")
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER], tool_choice="required")
    message = first.choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "17 degrees, rain"})
    answer = client.chat.completions.create(
        model=model, messages=messages, tools=[WEATHER], tool_choice="none", max_tokens=48
    )
    assert answer.choices[0].message.content and not answer.choices[0].message.tool_calls


RESPONSES_WEATHER = {"type": "function", "strict": True, **WEATHER["function"]}


@check
def the_protocol_of_responses_answers_whole_and_in_pieces(client: OpenAI, model: str) -> None:
    asked = {"model": model, "instructions": "Be brief.", "input": "Name three colours.", "max_output_tokens": 24}
    # As above: both are computed from a prompt whose state is at hand.
    client.responses.create(**asked)
    whole = client.responses.create(**asked)
    assert whole.output_text and whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    with client.responses.stream(**asked) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text


@check
def a_response_keeps_to_a_schema(client: OpenAI, model: str) -> None:
    class Person(BaseModel):
        name: str
        age: int

    asked = {"model": model, "input": "Ada is 36.", "text_format": Person, "max_output_tokens": 64}
    assert isinstance(client.responses.parse(**asked).output_parsed, Person)
    with client.responses.stream(**asked) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Person)


@check
def a_response_calls_a_function_and_goes_on_with_its_result(client: OpenAI, model: str) -> None:
    items = [{"role": "user", "content": "What is the weather in Rome, in celsius?"}]
    asked = {"model": model, "tools": [RESPONSES_WEATHER], "tool_choice": "required", "parallel_tool_calls": False}
    with client.responses.stream(input=items, **asked) as stream:
        first = stream.get_final_response()
    call = first.output[0]
    assert call.type == "function_call" and isinstance(json.loads(call.arguments)["city"], str)
    items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees, rain"})
    answer = client.responses.create(
        input=items, model=model, tools=[RESPONSES_WEATHER], tool_choice="none", max_output_tokens=48
    )
    assert answer.output_text


@check
def what_a_response_cannot_do_is_said(client: OpenAI, model: str) -> None:
    ask = client.responses.create
    refused(lambda: ask(model=model, input="x", previous_response_id="resp_1"), openai.BadRequestError, "input")
    refused(lambda: ask(model=model, input="x", store=True), openai.BadRequestError, "store")
    refused(lambda: ask(model=model, input="x", tools=[{"type": "web_search"}]), openai.BadRequestError, "web_search")
    refused(lambda: ask(model=model, input="word " * 30_000), openai.BadRequestError, "window")
    refused(lambda: client.responses.retrieve("resp_1"), openai.NotFoundError, "kept")


@check
def texts_become_vectors(client: OpenAI, model: str) -> None:
    texts = ["the cat sleeps", "a kitten naps"]
    decoded = client.embeddings.create(model=model, input=texts)
    raw = client.embeddings.create(model=model, input=texts[0], encoding_format="base64").data[0].embedding
    numbers = list(struct.unpack(f"<{len(base64.b64decode(raw)) // 4}f", base64.b64decode(raw)))
    assert all(math.isclose(a, b, abs_tol=1e-3) for a, b in zip(numbers, decoded.data[0].embedding, strict=True))
    assert math.isclose(sum(number * number for number in numbers), 1.0, abs_tol=1e-3)


@check
def what_is_wrong_is_named(client: OpenAI, model: str) -> None:
    chat = client.chat.completions.create
    refused(lambda: chat(model="no-such-model", messages=user("x")), openai.NotFoundError, "no-such-model")
    refused(lambda: chat(model=model, messages=[]), openai.BadRequestError, "message")
    refused(lambda: chat(model=model, messages=user("x"), n=99), openai.BadRequestError, "1 to 8")
    endless = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#"}}}
    refused(lambda: chat(model=model, messages=user("x"), response_format=endless), openai.BadRequestError, "schema")
    refused(lambda: chat(model=model, messages=user("x"), temperature=9), openai.BadRequestError, "0 to 2")
    stranger = client.with_options(api_key="nobody", max_retries=0)
    refused(lambda: stranger.models.list(), openai.AuthenticationError, "token")
    refused(
        lambda: client.with_options(max_retries=0).chat.completions.create(model=model, messages=user("word " * 30_000)),
        openai.BadRequestError,
        "window",
    )


@check
def who_leaves_is_not_written_for(client: OpenAI, model: str) -> None:
    asked = {"model": model, "messages": user("Count to ten thousand."), "max_tokens": 1000, "stream": True}
    stream = client.chat.completions.create(**asked)
    next(iter(stream))
    stream.close()
    began = time.monotonic()
    client.chat.completions.create(model=model, messages=user("Say yes."), max_tokens=2)
    assert time.monotonic() - began < 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    arguments = parser.parse_args()
    client = OpenAI(base_url=arguments.url, api_key=arguments.token, timeout=600)
    model = client.models.list().data[0].id
    failed = 0
    for one in CHECKS:
        began = time.monotonic()
        try:
            one(client, model)
            said = "holds"
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is told
            failed += 1
            said = f"FAILS: {type(error).__name__}: {error}"
        print(f"{one.__name__.replace('_', ' ')}: {said} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} hold, with {model}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
