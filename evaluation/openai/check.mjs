// Asks a gateway through OpenAI's own client for JavaScript, and says of each thing that is promised whether it holds.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import OpenAI from "openai";

const user = (content) => [{ role: "user", content }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" }, unit: { enum: ["celsius", "fahrenheit"] } },
  required: ["city"],
  additionalProperties: false,
};
const weather = { type: "function", function: { name: "get_weather", description: "The weather in a city", parameters } };
const colours = { type: "object", properties: { colour: { enum: ["red", "blue"] } }, required: ["colour"], additionalProperties: false };

const checks = {
  async "the model is listed"(client, model) {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    assert(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },

  async "what comes in pieces is what comes whole"(client, model) {
    const asked = { model, messages: user("Name three colours."), max_tokens: 24 };
    const whole = await client.chat.completions.create(asked);
    const usage = { stream: true, stream_options: { include_usage: true } };
    let told = "";
    let last;
    for await (const chunk of await client.chat.completions.create({ ...asked, ...usage })) {
      told += chunk.choices[0]?.delta?.content ?? "";
      last = chunk;
    }
    assert.equal(told, whole.choices[0].message.content);
    assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  },

  async "tokens come with their chances, and several answers with their index"(client, model) {
    const asked = { model, messages: user("Invent a name."), max_tokens: 8, temperature: 1, seed: 5, n: 2, logprobs: true, top_logprobs: 2 };
    const { choices } = await client.chat.completions.create(asked);
    assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
    for (const { message, logprobs } of choices) {
      assert(logprobs.content.map((token) => token.token).join("").startsWith(message.content));
      assert(logprobs.content.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
    }
    const final = await client.chat.completions.stream(asked).finalChatCompletion();
    assert.equal(final.choices.length, 2);
    assert(final.choices.every((choice) => choice.logprobs.content.length > 0));
  },

  async "a schema is kept"(client, model) {
    const response_format = { type: "json_schema", json_schema: { name: "colour", strict: true, schema: colours } };
    const answer = await client.chat.completions.parse({ model, messages: user("Which colour has the sky?"), response_format });
    assert(["red", "blue"].includes(answer.choices[0].message.parsed.colour));
  },

  async "a function is called, and its result gone on with"(client, model) {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model,
      messages: user("What is the weather in Rome?"),
      tool_choice: { type: "function", function: { name: "get_weather" } },
      max_tokens: 96,
      tools: [{
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: ({ city }) => {
            asked.push(city);
            return "17 degrees, rain";
          },
        },
      }],
    });
    await runner.done();
    assert.equal(typeof asked[0], "string");
  },

  async "a stream of calls adds up to a call"(client, model) {
    const messages = user("What is the weather in Rome?");
    const stream = client.chat.completions.stream({ model, messages, tools: [weather], tool_choice: "required" });
    const message = await stream.finalMessage();
    assert.equal(message.tool_calls[0].function.name, "get_weather");
    assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).city, "string");
  },

  async "the protocol of responses answers whole and in pieces"(client, model) {
    const asked = { model, instructions: "Be brief.", input: "Name three colours.", max_output_tokens: 24 };
    const whole = await client.responses.create(asked);
    assert(whole.output_text.length > 0);
    const kinds = [];
    let told = "";
    const stream = client.responses.stream(asked);
    for await (const event of stream) {
      kinds.push(event.type);
      if (event.type === "response.output_text.delta") told += event.delta;
    }
    assert.deepEqual(kinds.slice(0, 3), ["response.created", "response.in_progress", "response.output_item.added"]);
    assert.equal(told, whole.output_text);
    assert.equal((await stream.finalResponse()).output_text, whole.output_text);
  },

  async "a response calls a function and goes on with its result"(client, model) {
    const tools = [{ type: "function", strict: true, ...weather.function }];
    const input = user("What is the weather in Rome?");
    const first = await client.responses.create({ model, input, tools, tool_choice: "required" });
    const call = first.output[0];
    assert.equal(typeof JSON.parse(call.arguments).city, "string");
    const results = first.output.map((one) => ({ type: "function_call_output", call_id: one.call_id, output: "17 degrees" }));
    const next = { model, input: [...input, ...first.output, ...results], tools, tool_choice: "none", max_output_tokens: 48 };
    assert((await client.responses.create(next)).output_text.length > 0);
  },

  async "a response keeps to a schema"(client, model) {
    const text = { format: { type: "json_schema", name: "colour", schema: colours, strict: true } };
    const answer = await client.responses.parse({ model, input: "Which colour has the sky?", text });
    assert(["red", "blue"].includes(answer.output_parsed.colour));
  },

  async "texts become vectors"(client, model) {
    const { data } = await client.embeddings.create({ model, input: ["the cat sleeps", "a kitten naps"] });
    const length = (vector) => Math.hypot(...vector);
    assert.equal(data.length, 2);
    assert(Math.abs(length(data[0].embedding) - 1) < 1e-3);
  },

  async "what is wrong is named"(client, model) {
    const chat = (body) => client.chat.completions.create({ model, messages: user("x"), ...body });
    await assert.rejects(chat({ model: "no-such-model" }), OpenAI.NotFoundError);
    await assert.rejects(chat({ messages: [] }), /message/);
    await assert.rejects(chat({ temperature: 9 }), OpenAI.BadRequestError);
    await assert.rejects(client.responses.create({ model, input: "x", previous_response_id: "resp_1" }), /input/);
    const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "nobody", maxRetries: 0 });
    await assert.rejects(stranger.chat.completions.create({ model, messages: user("x") }), OpenAI.AuthenticationError);
  },

  async "who leaves is not written for"(client, model) {
    const messages = user("Count to ten thousand.");
    const stream = await client.chat.completions.create({ model, messages, max_tokens: 1000, stream: true });
    for await (const _ of stream) break;
    const began = Date.now();
    await client.chat.completions.create({ model, messages: user("Say yes."), max_tokens: 2 });
    assert(Date.now() - began < 30_000);
  },
};

const { values } = parseArgs({ options: { url: { type: "string" }, token: { type: "string" } } });
const client = new OpenAI({ baseURL: values.url, apiKey: values.token, timeout: 600_000 });
const model = (await client.models.list()).data[0].id;
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const began = Date.now();
  let said = "holds";
  try {
    await check(client, model);
  } catch (error) {
    failed += 1;
    said = `FAILS: ${error}`;
  }
  console.log(`${name}: ${said} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}
const all = Object.keys(checks).length;
console.log(`${all - failed} of ${all} hold, with ${model}`);
process.exit(failed ? 1 : 0);
