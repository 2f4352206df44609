//! The gateway over a real socket, with the small model of the tests behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::models::{self, genoa};
use crate::processes::{find_below, wait_for};
use crate::world::World;

/// A gateway that ends with the test.
pub(crate) struct Gateway {
    process: Child,
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) world: World,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The events of a stream, without the mark of its end.
    fn events(&self) -> Vec<Json> {
        let data: Vec<&str> = self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data.last(), Some(&"[DONE]"), "{}", self.body);
        data[..data.len() - 1].iter().map(|json| serde_json::from_str(json).unwrap()).collect()
    }
}

impl Gateway {
    pub(crate) fn of_small_model() -> Self {
        Self::new(models::world(), genoa)
    }

    fn new(world: World, command: impl Fn(&World, &[&str]) -> Command) -> Self {
        let token = world.ok(&["gateway", "--token"]).trim().to_owned();
        let arguments = ["--json", "gateway", "--port", "0"];
        let mut process = command(&world, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Json = serde_json::from_str(&line).unwrap();
        let url = said["url"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self { process, address, token, world }
    }

    fn open(&self, method: &str, path: &str, token: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
            Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    fn ask_with(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let mut all = String::new();
        self.open(method, path, token, body).read_to_string(&mut all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(body) } else { body.to_owned() };
        Answer { status, head: head.to_lowercase(), body }
    }

    fn post(&self, path: &str, body: &Json) -> Answer {
        self.ask_with("POST", path, &self.token, &body.to_string())
    }

    fn chat(&self, mut body: Json) -> Answer {
        body["model"] = json!("smollm2-135m");
        self.post("/v1/chat/completions", &body)
    }
}

fn unchunked(mut body: &str) -> String {
    let mut all = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        all.push_str(&rest[..size]);
        body = &rest[size + 2..];
        if size == 0 {
            break;
        }
    }
    all
}

fn one(text: &str) -> Json {
    json!([{ "role": "user", "content": text }])
}

#[test]
fn the_server_is_jailed_and_the_gateway_ends_with_it() {
    let mut gateway = Gateway::of_small_model();
    let server = find_below(gateway.process.id(), "gateway-server").unwrap();
    let network = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    assert_ne!(network(&server.to_string()), network("self"));
    assert_eq!(gateway.ask_with("GET", "/v1/models", &gateway.token, "").status, 200);
    assert!(Command::new("kill").args(["-9", &server.to_string()]).status().unwrap().success());
    assert_eq!(gateway.process.wait().unwrap().code(), Some(1));
    assert!(TcpStream::connect(&gateway.address).is_err(), "nobody listens any more");
}

#[test]
fn the_local_model_answers_in_the_openai_protocol() {
    let gateway = Gateway::of_small_model();
    let models = gateway.ask_with("GET", "/v1/models", &gateway.token, "").json();
    assert_eq!(models["data"][0]["id"], "smollm2-135m");

    let answer = gateway.chat(json!({ "messages": one("Say hello."), "max_tokens": 12 }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let whole = answer.json();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.is_empty(), "{whole}");
    assert!(whole["usage"]["completion_tokens"].as_u64().unwrap() <= 12, "{whole}");

    let options = json!({ "include_usage": true });
    let request = json!({ "messages": one("Say hello."), "max_tokens": 12, "stream": true, "stream_options": options });
    let answer = gateway.chat(request);
    assert!(answer.head.contains("text/event-stream"), "{}", answer.head);
    let events = answer.events();
    let told: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(told, text, "without chance, what comes in pieces is what comes whole");
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);

    // The form of an answer is kept to, whatever the model is like.
    let schema = json!({ "type": "object", "properties": { "colour": { "enum": ["red", "blue"] } }, "required": ["colour"],
        "additionalProperties": false });
    let form = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let answer = gateway.chat(json!({ "messages": one("Which colour has the sky?"), "response_format": form })).json();
    let colour: Json = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(["red", "blue"].contains(&colour["colour"].as_str().unwrap()), "{colour}");

    let city = json!({ "type": "object", "properties": { "city": { "type": "string", "maxLength": 12 } }, "required": ["city"],
        "additionalProperties": false });
    let tool = json!({ "type": "function", "function": { "name": "weather", "description": "The weather", "parameters": city } });
    for stream in [false, true] {
        let request = json!({ "messages": one("What is the weather in Rome?"), "tools": [tool], "tool_choice": "required",
            "parallel_tool_calls": false, "stream": stream });
        let answer = gateway.chat(request);
        let call = match stream {
            false => answer.json()["choices"][0]["message"]["tool_calls"][0].clone(),
            true => answer.events()[1]["choices"][0]["delta"]["tool_calls"][0].clone(),
        };
        assert_eq!(call["function"]["name"], "weather", "{}", answer.body);
        let arguments: Json = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert!(arguments["city"].is_string(), "{arguments}");
    }

    let vectors = gateway.post("/v1/embeddings", &json!({ "model": "smollm2-135m", "input": ["one", "two"] })).json();
    let lengths: Vec<usize> =
        vectors["data"].as_array().unwrap().iter().map(|one| one["embedding"].as_array().unwrap().len()).collect();
    assert!(lengths[0] > 100 && lengths[0] == lengths[1], "{lengths:?}");
}

#[test]
fn the_local_model_answers_in_the_protocol_of_responses() {
    let gateway = Gateway::of_small_model();
    let respond = |mut body: Json| {
        body["model"] = json!("smollm2-135m");
        gateway.post("/v1/responses", &body)
    };
    let answer = respond(json!({ "instructions": "Be brief.", "input": "Say hello.", "max_output_tokens": 12 }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let whole = answer.json();
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(!text.is_empty() && whole["usage"]["output_tokens"].as_u64().unwrap() <= 12, "{whole}");
    let status = if whole["incomplete_details"].is_null() { "completed" } else { "incomplete" };
    assert_eq!((&whole["object"], &whole["status"]), (&json!("response"), &json!(status)));

    // The same in items, as it comes: without chance it is the same, and the chat says the same.
    let items = json!([{ "role": "developer", "content": "Be brief." }, { "role": "user", "content": "Say hello." }]);
    let answer = respond(json!({ "input": items, "max_output_tokens": 12, "stream": true }));
    let names: Vec<&str> = answer.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let events = answer.events();
    assert_eq!(names, events.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>());
    assert_eq!((names[0], names[1]), ("response.created", "response.in_progress"));
    assert_eq!(*names.last().unwrap(), format!("response.{status}"));
    let told: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(told, text);
    let chat = gateway.chat(json!({ "messages": items, "max_tokens": 12 })).json();
    assert_eq!(chat["choices"][0]["message"]["content"], json!(text));

    let schema = json!({ "type": "object", "properties": { "colour": { "enum": ["red", "blue"] } }, "required": ["colour"],
        "additionalProperties": false });
    let format = json!({ "format": { "type": "json_schema", "name": "x", "schema": schema } });
    let answer = respond(json!({ "input": "Which colour has the sky?", "text": format })).json();
    let colour: Json = serde_json::from_str(answer["output"][0]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert!(["red", "blue"].contains(&colour["colour"].as_str().unwrap()), "{colour}");

    let city = json!({ "type": "object", "properties": { "city": { "enum": ["Rome", "Oslo"] } }, "required": ["city"],
        "additionalProperties": false });
    let tool = json!({ "type": "function", "name": "weather", "description": "The weather", "parameters": city });
    let request = json!({ "input": "What is the weather in Rome?", "tools": [tool], "tool_choice": "required",
        "parallel_tool_calls": false });
    let call = respond(request.clone()).json()["output"][0].clone();
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("weather")));
    let arguments: Json = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"].is_string(), "{arguments}");
    // What came back is sent with what it gave, and gone on with.
    let result = json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "17 degrees" });
    let mut goes_on = request;
    goes_on["input"] = json!([{ "role": "user", "content": "What is the weather in Rome?" }, call, result]);
    goes_on["tool_choice"] = json!("none");
    goes_on["max_output_tokens"] = json!(8);
    assert_eq!(respond(goes_on).json()["output"][0]["type"], "message");
}

#[test]
fn tokens_are_told_with_their_chances_and_several_answers_by_their_index() {
    let gateway = Gateway::of_small_model();
    let asked = |stream: bool| {
        gateway.chat(json!({ "messages": one("Invent a name for a ship."), "max_tokens": 8, "temperature": 1.0, "seed": 3,
            "n": 3, "logprobs": true, "top_logprobs": 2, "stream": stream, "stream_options": { "include_usage": true } }))
    };
    let tokens = |choice: &Json| choice["logprobs"]["content"].as_array().cloned().unwrap_or_default();
    let text_of = |tokens: &[Json]| tokens.iter().map(|token| token["token"].as_str().unwrap()).collect::<String>();
    // From here on the prompt's state is at hand, so that a seed gives the same words.
    asked(false);
    let whole = asked(false).json();
    let choices = whole["choices"].as_array().unwrap();
    let texts: Vec<&str> = choices.iter().map(|choice| choice["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!(choice["index"], json!(index));
        let tokens = tokens(choice);
        assert!(text_of(&tokens).starts_with(texts[index]), "{choice}");
        assert!(tokens.iter().all(|token| token["top_logprobs"].as_array().unwrap().len() == 2), "{choice}");
        assert!(tokens.iter().all(|token| token["logprob"].as_f64().unwrap() <= 0.0 && token["bytes"].is_array()));
    }
    assert!(texts.iter().any(|text| *text != texts[0]), "each has a seed of its own: {texts:?}");
    let events = asked(true).events();
    for index in 0..3 {
        let of_choice = || {
            events
                .iter()
                .flat_map(|event| event["choices"].as_array().unwrap())
                .filter(|choice| choice["index"] == json!(index))
        };
        let text: String = of_choice().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
        let told: Vec<Json> = of_choice().flat_map(tokens).collect();
        assert!(text_of(&told).starts_with(&text) && !text.is_empty(), "{text:?} {told:?}");
        assert_eq!(of_choice().filter(|choice| choice["finish_reason"].is_string()).count(), 1);
    }
    let usage = &events.last().unwrap()["usage"];
    assert_eq!(usage["prompt_tokens"], whole["usage"]["prompt_tokens"], "that of all three");

    let include = json!(["message.output_text.logprobs"]);
    let request = json!({ "model": "smollm2-135m", "input": "Say hello.", "max_output_tokens": 4, "include": include, "top_logprobs": 1 });
    let answer = gateway.post("/v1/responses", &request).json();
    let part = &answer["output"][0]["content"][0];
    assert!(text_of(part["logprobs"].as_array().unwrap()).starts_with(part["text"].as_str().unwrap()), "{part}");
}

#[test]
fn what_cannot_be_answered_is_refused_with_what_to_do() {
    let gateway = Gateway::of_small_model();
    let refused = |answer: Answer| {
        let error = answer.json()["error"].clone();
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        (format!("{} {} {}", answer.status, text("code"), text("param")), text("message"))
    };
    let format = |schema: Json| json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    for schema in [json!({ "$ref": "#" }), json!({ "enum": [] }), json!({ "type": "no such type" })] {
        let (what, message) = refused(gateway.chat(json!({ "messages": one("x"), "response_format": format(schema) })));
        assert_eq!(what, "400 invalid_schema response_format", "{message}");
        assert!(message.contains("Simplify the schema"), "{message}");
    }
    let endless = json!({ "type": "function", "name": "f", "parameters": { "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/a" } } } });
    let request = json!({ "model": "smollm2-135m", "input": "x", "tools": [endless], "tool_choice": "required" });
    let (what, message) = refused(gateway.post("/v1/responses", &request));
    assert_eq!(what, "400 invalid_schema tools", "{message}");
    let long = "word ".repeat(30_000);
    let (what, message) = refused(gateway.chat(json!({ "messages": one(&long), "stream": true })));
    assert_eq!(what, "400 context_length_exceeded messages");
    assert!(message.contains("the prompt has 30") && message.contains("Ask about less"), "{message}");
    let (what, _) = refused(gateway.post("/v1/responses", &json!({ "model": "smollm2-135m", "input": long })));
    assert_eq!(what, "400 context_length_exceeded input");
    let deep = format!("{{\"model\": {}1{}}}", "[".repeat(500), "]".repeat(500));
    let (what, _) = refused(gateway.ask_with("POST", "/v1/chat/completions", &gateway.token, &deep));
    assert_eq!(what, "400 invalid_json ");
    // After all that it still answers.
    assert_eq!(gateway.chat(json!({ "messages": one("Say hello."), "max_tokens": 2 })).status, 200);
}

#[test]
fn who_brings_no_token_or_what_is_not_there_is_refused_with_a_reason() {
    // No model answers here: what is refused is refused before one is asked.
    let world = World::new();
    world.configure("[model]\nname = \"smollm2-135m\"\n");
    let gateway = Gateway::new(world, World::command);
    let refused = |answer: Answer| {
        let error = answer.json()["error"].clone();
        format!("{} {}: {}", answer.status, error["code"].as_str().unwrap(), error["message"].as_str().unwrap())
    };
    let chat = "/v1/chat/completions";
    let body = json!({ "model": "smollm2-135m", "messages": one("x") }).to_string();
    for token in ["", "genoa-wrong", &gateway.token[..gateway.token.len() - 1]] {
        let answer = gateway.ask_with("POST", chat, token, &body);
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused(answer), @"401 invalid_api_key: This gateway wants its token: `Authorization: Bearer …`. `genoa gateway --token` prints it");
        }
    }
    let post = |path: &str, body: &str| refused(gateway.ask_with("POST", path, &gateway.token, body));
    insta::assert_snapshot!(post("/v1/files", "{}"), @"404 unknown_url: There is nothing here. The paths are /v1/models, /v1/chat/completions, /v1/responses and /v1/embeddings");
    insta::assert_snapshot!(post("/v1/models", "{}"), @"405 method_not_supported: This path does not take that method");
    insta::assert_snapshot!(post(chat, &body.replace("smollm2-135m", "gpt-4")), @"404 model_not_found: There is no model `gpt-4`; there is `smollm2-135m`");
    insta::assert_snapshot!(post("/v1/responses/resp_1", "{}"), @"404 not_found: Answers are not kept here, and cannot be asked for, changed or condensed afterwards: keep what `POST /v1/responses` answers, and send its `output` with the next `input`");
    let broken = post(chat, "{\"model\": ");
    assert!(broken.starts_with("400 invalid_json: "), "{broken}");
    let strange = post(chat, &body.replace("\"user\"", "\"ghost\""));
    assert!(strange.starts_with("400 invalid_json: ") && strange.contains("ghost"), "{strange}");
    let answer = gateway.chat(json!({ "messages": one("x") }));
    assert_eq!(answer.status, 404, "there is no such model on this machine: {}", answer.body);
    assert!(answer.body.contains("genoa model fetch"), "{}", answer.body);
}

#[test]
fn what_nobody_waits_for_any_more_is_given_up() {
    let gateway = Gateway::of_small_model();
    // Its answer cannot end by itself before somebody leaves.
    let numbers = json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2_000 });
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "numbers", "schema": numbers } });
    let long = json!({
        "model": "smollm2-135m", "messages": one("Count to ten thousand."), "max_tokens": 1024, "temperature": 1.0,
        "response_format": schema
    });
    let leaving = gateway.open("POST", "/v1/chat/completions", &gateway.token, &long.to_string());
    // On a busy machine it takes a while until the model has the call, and one that it does not have yet is only forgotten.
    let journal = || gateway.world.ok(&["journal", "export"]);
    wait_for("the call in the record", || journal().contains("Count to ten thousand.").then_some(()));
    std::thread::sleep(Duration::from_millis(1_500));
    drop(leaving);
    // It stands in the record as cut short: it did not write on for nobody.
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while !journal().contains("cancelled") {
        assert!(std::time::Instant::now() < until, "the model writes on for nobody");
        std::thread::sleep(Duration::from_millis(200));
    }
}
