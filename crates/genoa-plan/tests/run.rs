//! Runs: values, labels, coercions, limits, and that a saved run goes on as if it had not been.

mod support;

use genoa_abi::schema::Catalog;
use genoa_abi::{CallId, Datum, ErrorCode, Failure, Labels, Source, Value};
use genoa_plan::{PlanCall, Run, Yield, check, value_from_json};
use serde_json::{Value as Json, json};
use support::{catalog, clock};

/// Tools that answer with fixed worlds.
fn answer(call: &PlanCall, number: u64) -> Result<Value, Failure> {
    let contact = |name: &str| json!({"name": name, "email": format!("{}@example.org", name.to_lowercase()), "path": format!("people/{name}.vcf")});
    let mail = |id: &str, subject: &str| json!({"subject": subject, "sender": contact("Mallory"), "recipients": [], "date": "2026-11-20T10:00:00Z", "text": "text", "id": id, "attachments": [], "path": format!("mail/{id}")});
    let argument = |name: &str| call.arguments.get(name).map(Value::to_json).unwrap_or(Json::Null);
    let json = match call.tool.as_str() {
        "contacts.find" => match argument("name").as_str().unwrap_or_default() {
            "Ada" => json!([contact("Ada")]),
            "Chen" => json!([contact("Chen"), contact("Chen")]),
            _ => json!([]),
        },
        "ask" if argument("question").as_str().is_some_and(|question| question.contains("called “Greta”")) => {
            json!("Ada")
        }
        "ask" => argument("options").get(1).cloned().unwrap_or(json!("yes")),
        "mail.find" => json!([mail("1", "invoice"), mail("2", "lunch"), mail("3", "invoice 2")]),
        "mail.open" => Json::Null,
        "files.find" => {
            json!([{"name": "a.txt", "path": "a.txt", "kind": "text", "bytes": 3, "changed": "x"}, {"name": "b.txt", "path": "b.txt", "kind": "text", "bytes": 9, "changed": "x"}])
        }
        "files.read" => json!("content"),
        "summarise" => json!("short"),
        "notes.write" => json!({"title": "t", "text": "t", "date": "d", "path": "notes/t.md"}),
        "say" | "mail.send" | "mail.reply" => Json::Null,
        other => panic!("{other}"),
    };
    let schema = &catalog().tools[&call.tool];
    value_from_json(&schema.returns, &json, &catalog(), &Source::Call(CallId(number)).into())
}

/// Runs a plan to its end; `saved` puts the run through JSON at every call.
fn run_with(source: &str, saved: impl Fn(Run) -> Run) -> (Vec<PlanCall>, Yield) {
    let checked = check(source, &catalog(), "").unwrap_or_else(|findings| panic!("{source}\n{findings:?}"));
    let mut run = Run::new(checked.plan);
    let (mut calls, mut next) = (Vec::new(), None);
    loop {
        match run.advance(next.take(), &catalog(), &clock()) {
            Yield::Call(call) => {
                run = saved(run);
                next = Some(answer(&call, calls.len() as u64 + 1));
                calls.push(call);
            }
            end => return (calls, end),
        }
    }
}

fn run(source: &str) -> (Vec<PlanCall>, Yield) {
    run_with(source, |run| run)
}

fn texts(source: &str) -> Vec<String> {
    let (calls, end) = run(source);
    let end = match end {
        Yield::Ended(value) => format!("= {}", value.to_json()),
        Yield::Failed(failure) => format!("! {failure}"),
        Yield::Call(_) => unreachable!("run() goes on after calls"),
    };
    calls.iter().map(|call| format!("{}: {}", call.line, call.text)).chain([end]).collect()
}

#[test]
fn plans_run_to_their_end() {
    let plans = [
        "mails = mail.find(about=\"x\", when=\"since last monday\")\nfor m in mails:\n    if \"invoice\" in m.subject:\n        notes.write(title=m.subject, text=m.text)",
        "mail.send(to=[\"Ada\", \"Chen\"], subject=\"Hi\", body=\"b\")",
        "mail.send(to=\"Nobody\", subject=\"Hi\", body=\"b\")",
        "mail.send(to=[\"Chen\", \"Greta\"], subject=\"Hi\", body=\"b\")",
        "texts = [files.read(path=f) for f in files.find()]\nsay(text=join(texts, \"; \"))",
        "big = largest(files.find(), by=\"bytes\")\nsay(big)",
        "m = mail.open(id=\"9\")\nif m:\n    say(m)\nelse:\n    say(text=\"nothing\")",
        "m = mail.open(id=\"9\")\nmail.reply(mail=m, body=\"b\")",
        "xs = [x * 2 for x in [1, 2, 3] if x > 1]\ny = xs[0] + xs[-1]\nz = y / 4",
        "x = [1][3]",
        "x = 1 / 0",
        "a = 1 > 2 and 3 > 2 or not 1 > 2\nb = a and 2 > 1\nc = 1 > 2 and 2 > 1 and 3 > 1",
        "contacts.find(\"Ada\")",
        "mail.send(to=[contacts.find(\"Ada\"), \"Ada\"], subject=f\"{1.50:.1f}\", body=\"\")",
    ];
    let report: Vec<String> = plans.iter().map(|plan| format!("{plan}\n  {}", texts(plan).join("\n  "))).collect();
    insta::assert_snapshot!(report.join("\n"), @r#"
        mails = mail.find(about="x", when="since last monday")
        for m in mails:
            if "invoice" in m.subject:
                notes.write(title=m.subject, text=m.text)
          1: Find mails about “x” since last monday
          4: Write the note “invoice” (text: “text”)
          4: Write the note “invoice 2” (text: “text”)
          = {"date":"d","path":"notes/t.md","text":"t","title":"t"}
        mail.send(to=["Ada", "Chen"], subject="Hi", body="b")
          1: Find contacts named “Ada”
          1: Find contacts named “Chen”
          1: Ask “Which contact is meant by “Chen”?” (options: “Chen (people/Chen.vcf)”, “Chen (people/Chen.vcf) #2”)
          1: Send “Hi” to Ada, Chen (body: “b”)
          = null
        mail.send(to="Nobody", subject="Hi", body="b")
          1: Find contacts named “Nobody”
          1: Ask “No contact is called “Nobody”. Who shall it be?”
          1: Find contacts named “yes”
          1: Ask “No contact is called “yes”. Who shall it be?”
          1: Find contacts named “yes”
          ! no contact was found for “yes”. Use another name, or the full one
        mail.send(to=["Chen", "Greta"], subject="Hi", body="b")
          1: Find contacts named “Chen”
          1: Ask “Which contact is meant by “Chen”?” (options: “Chen (people/Chen.vcf)”, “Chen (people/Chen.vcf) #2”)
          1: Find contacts named “Greta”
          1: Ask “No contact is called “Greta”. Who shall it be?”
          1: Find contacts named “Ada”
          1: Send “Hi” to Chen, Ada (body: “b”)
          = null
        texts = [files.read(path=f) for f in files.find()]
        say(text=join(texts, "; "))
          1: Find files
          1: Read a.txt
          1: Read b.txt
          2: Say “content; content”
          = "content; content"
        big = largest(files.find(), by="bytes")
        say(big)
          1: Find files
          2: Say b.txt
          = {"bytes":9,"changed":"x","kind":"text","name":"b.txt","path":"b.txt"}
        m = mail.open(id="9")
        if m:
            say(m)
        else:
            say(text="nothing")
          1: Open the mail “9”
          5: Say “nothing”
          = "nothing"
        m = mail.open(id="9")
        mail.reply(mail=m, body="b")
          1: Open the mail “9”
          ! nothing was found for `m`. Search with other words, or test with `if` whether something was found
        xs = [x * 2 for x in [1, 2, 3] if x > 1]
        y = xs[0] + xs[-1]
        z = y / 4
          = 2.5
        x = [1][3]
          ! nothing was found for `[1][3]`. Search with other words, or test with `if` whether something was found
        x = 1 / 0
          ! division by zero. Test the divisor with `if`
        a = 1 > 2 and 3 > 2 or not 1 > 2
        b = a and 2 > 1
        c = 1 > 2 and 2 > 1 and 3 > 1
          = false
        contacts.find("Ada")
          1: Find contacts named “Ada”
          = [{"email":"ada@example.org","name":"Ada","organisation":null,"path":"people/Ada.vcf","phone":null}]
        mail.send(to=[contacts.find("Ada"), "Ada"], subject=f"{1.50:.1f}", body="")
          1: Find contacts named “Ada”
          1: Find contacts named “Ada”
          1: Send “1.5” to Ada, Ada (body: “”)
          = null
        "#);
}

#[test]
fn texts_become_numbers_and_small_letters_and_lists_lose_what_is_twice() {
    let last = |source: &str| texts(source).pop().unwrap();
    assert_eq!(last("x = number_in(\"a total of 1,250.50 euro\") + 1"), "= 1251.5");
    assert!(last("x = number_in(\"between 3 and 4\") + 1").starts_with("! nothing was found for `number_in("));
    assert_eq!(last("x = \"rent\" in lower(\"The RENT\")"), "= true");
    assert_eq!(last("x = distinct([2, 1, 2, 1])"), "= [2,1]");
    // Which mails are left tells about all of them.
    let (_, end) = run("n = len(distinct(mail.find()))");
    let Yield::Ended(count) = end else { panic!("{end:?}") };
    assert!(count.labels.sources().any(|label| *label == Source::Mail("3".into())));
    let wrong = check("x = lower([\"a\"])", &catalog(), "").unwrap_err();
    assert!(wrong[0].to_string().contains("`lower` wants a text"), "{wrong:?}");
}

#[test]
fn labels_follow_data_and_control() {
    let call = |n| Source::Call(CallId(n));
    // A recipient that a mail names is labelled with that mail and its sender.
    let (calls, _) = run("mails = mail.find(about=\"x\")\nmail.send(to=mails[0].sender, subject=\"Hi\", body=\"b\")");
    let labels = calls[1].arguments["to"].deep_labels();
    for source in
        [call(1), Source::Mail("1".into()), Source::Sender("mallory@example.org".into()), Source::File("mail/1".into())]
    {
        assert!(labels.sources().any(|label| *label == source), "{source}");
    }
    assert!(calls[1].arguments["subject"].deep_labels().is_empty(), "a constant of the plan stays one");
    // A branch that a mail decided labels what is done in it, constants too.
    let (calls, _) = run(
        "mails = mail.find(about=\"x\")\nif mails[0].subject == \"invoice\":\n    mail.send(to=\"Ada\", subject=\"Hi\", body=\"b\")\nmail.send(to=\"Ada\", subject=\"Bye\", body=\"b\")",
    );
    let sends: Vec<&PlanCall> = calls.iter().filter(|call| call.tool == "mail.send").collect();
    assert!(sends[0].arguments["subject"].deep_labels().sources().any(|label| *label == Source::Mail("1".into())));
    assert!(!sends[0].context.is_empty());
    assert!(sends[1].arguments["subject"].deep_labels().is_empty() && sends[1].context.is_empty());
    // How often a loop runs tells about its list.
    let (calls, _) = run("for m in mail.find():\n    say(text=\"one\")");
    assert_eq!(calls[1].arguments["text"].deep_labels(), Labels::from(call(1)));
    // A filter labels the list that it makes.
    let (_, end) = run("n = len([m for m in mail.find() if m.subject == \"lunch\"])");
    let Yield::Ended(count) = end else { panic!("{end:?}") };
    assert!(
        count.labels.sources().any(|label| *label == Source::Mail("3".into())),
        "the mail that was left out counts"
    );
    // What a builtin orders by shows in the order.
    let (_, end) = run("m = first(sorted(mail.find(), by=\"subject\")).id");
    let Yield::Ended(id) = end else { panic!("{end:?}") };
    assert!(id.labels.sources().any(|label| *label == Source::Mail("2".into())));
}

#[test]
fn that_an_argument_is_left_out_is_labelled() {
    let mut catalog = catalog();
    let about = &mut catalog.tools.get_mut("summarise").unwrap().parameters[1];
    about.ty = genoa_abi::schema::Type::optional(about.ty.clone());
    // Whoever wrote the mails decides whether there is one to say what the summary is about.
    let source = "found = first([m.subject for m in mail.find() if m.subject == \"none\"])\nsummarise(text=\"t\", about=found)\nsummarise(text=\"t\", about=None)";
    let mut run = Run::new(check(source, &catalog, "").unwrap().plan);
    let (mut calls, mut next) = (Vec::new(), None);
    while let Yield::Call(call) = run.advance(next.take(), &catalog, &clock()) {
        next = Some(answer(&call, calls.len() as u64 + 1));
        calls.push(call);
    }
    let about = &calls[1].arguments["about"];
    assert_eq!(about.datum, Datum::None);
    assert!(about.labels.sources().any(|label| *label == Source::Mail("3".into())), "{:?}", about.labels);
    assert_eq!(calls[1].text, calls[2].text, "in words it is left out");
    assert!(!calls[2].arguments.contains_key("about"), "what the plan itself leaves out is nobody else's doing");
}

#[test]
fn the_person_says_who_a_name_means_that_nobody_has() {
    let source =
        "mails = mail.find(about=\"x\")\nmail.send(to=[mails[0].subject, \"Nobody\"], subject=\"Hi\", body=\"b\")";
    let answers = ["", "Ada", " ", "Chen"];
    let play = |saved: &dyn Fn(Run) -> Run, catalog: &Catalog| {
        let mut run = Run::new(check(source, catalog, "").unwrap().plan);
        let (mut calls, mut next, mut answers) = (Vec::new(), None, answers.iter());
        loop {
            match run.advance(next.take(), catalog, &clock()) {
                Yield::Call(call) => {
                    run = saved(run);
                    let is_free = call.tool == "ask" && !call.arguments.contains_key("options");
                    next = Some(if is_free {
                        let text = Datum::Text((*answers.next().unwrap()).into());
                        Ok(Value::labelled(text, Source::Person.into()))
                    } else {
                        answer(&call, calls.len() as u64 + 1)
                    });
                    calls.push(call);
                }
                end => return (calls, end),
            }
        }
    };
    let (calls, end) = play(&|run| run, &catalog());
    let texts: Vec<&str> = calls.iter().map(|call| call.text.as_str()).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    Find mails about “x”
    Find contacts named “invoice”
    Ask “No contact is called “invoice”. Who shall it be?”
    Ask “No contact is called “invoice”. Who shall it be?”
    Find contacts named “Ada”
    Find contacts named “Nobody”
    Ask “No contact is called “Nobody”. Who shall it be?”
    Ask “No contact is called “Nobody”. Who shall it be?”
    Find contacts named “Chen”
    Ask “Which contact is meant by “Chen”?” (options: “Chen (people/Chen.vcf)”, “Chen (people/Chen.vcf) #2”)
    Send “Hi” to Ada, Chen (body: “b”)
    "#);
    assert!(matches!(end, Yield::Ended(_)), "{end:?}");
    // Who is sent to depends on the mail that named somebody, on the look-up that found nobody, and on the person.
    let labels = calls.last().unwrap().arguments["to"].deep_labels();
    for source in [Source::Mail("1".into()), Source::Call(CallId(2)), Source::Person] {
        assert!(labels.sources().any(|label| *label == source), "{source}");
    }
    let through_json = |run: Run| {
        let read: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(read, run);
        read
    };
    assert_eq!(play(&through_json, &catalog()), (calls, end));
    // Where nobody can be asked, it is as if nobody answered.
    let mut silent = catalog();
    silent.tools.remove("ask");
    let Yield::Failed(failure) = play(&|run| run, &silent).1 else { panic!() };
    assert_eq!(failure.to_string(), "no contact was found for “invoice”. Use another name, or the full one");
}

#[test]
fn a_file_stands_for_what_it_holds_where_something_is_read() {
    let source = "found = files.find(name=\"x\")\nn = len(found)\ns = summarise(text=found, about=\"y\")\nt = summarise(text=found[0])";
    assert_eq!(
        texts(source),
        [
            "1: Find files named “x”",
            "3: Read a.txt",
            "3: Read b.txt",
            "3: Summarise a.txt, b.txt about “y”",
            "4: Read a.txt",
            "4: Summarise a.txt",
            "= \"short\"",
        ]
    );
    let (calls, _) = run(source);
    let read = calls[3].arguments["text"].to_json();
    assert_eq!((&read[0]["text"], &read[1]["path"]), (&json!("content"), &json!("b.txt")));
    // What is read depends on the search that found it, and on the reading.
    let labels = calls[3].arguments["text"].deep_labels();
    for call in [1, 2, 3] {
        assert!(labels.sources().any(|label| *label == Source::Call(CallId(call))), "{call}");
    }
    let through_json = |run: Run| serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(run_with(source, through_json), run(source));
}

#[test]
fn of_several_files_those_that_nobody_can_read_are_left_out() {
    let play = |source: &str, code: ErrorCode| {
        let mut run = Run::new(check(source, &catalog(), "").unwrap().plan);
        let mut next = None;
        loop {
            match run.advance(next.take(), &catalog(), &clock()) {
                Yield::Call(call) if call.tool == "files.read" && call.text == "Read a.txt" => {
                    next = Some(Err(Failure::new(code, "cannot be read")));
                }
                Yield::Call(call) => next = Some(answer(&call, 1)),
                end => return end,
            }
        }
    };
    let several = "t = summarise(text=files.find(name=\"x\"))";
    let one = "t = summarise(text=first(files.find(name=\"x\")))";
    assert!(matches!(play(several, ErrorCode::Unsupported), Yield::Ended(_)));
    assert!(matches!(play(several, ErrorCode::NotGranted), Yield::Failed(_)), "a denial is no matter of kind");
    assert!(matches!(play(one, ErrorCode::Unsupported), Yield::Failed(_)));
}

#[test]
fn the_person_chooses_which_file_a_path_means() {
    let mut catalog = catalog();
    let read = catalog.tools.get_mut("files.read").unwrap();
    read.parameters[0].exists = Some(genoa_abi::schema::Existing::Entry);
    let play = |answer: &str, options: &[&str], saved: &dyn Fn(Run) -> Run| {
        let source = "text = files.read(path=\"plan.md\")\nsay(text)";
        let wrote = Labels::from(Source::Mail("1".into()));
        let mut run = Run::new(check(source, &catalog, "").unwrap().plan).under(wrote.clone());
        let (mut calls, mut next) = (Vec::<PlanCall>::new(), None);
        loop {
            match run.advance(next.take(), &catalog, &clock()) {
                Yield::Call(call) => {
                    run = saved(run);
                    if call.tool == "ask" {
                        assert_eq!(
                            call.arguments["question"].labels, wrote,
                            "it quotes what may not be the person's own"
                        );
                    }
                    next = Some(match call.text.as_str() {
                        "Read plan.md" => Err(Failure::new(ErrorCode::Ambiguous, "two")
                            .with_options(options.iter().map(|option| (*option).to_owned()).collect())),
                        text if text.starts_with("Ask") => {
                            Ok(Value::labelled(Datum::Text(answer.into()), Source::Person.into()))
                        }
                        _ => Ok(Value::text("content")),
                    });
                    calls.push(call);
                }
                end => return (calls.iter().map(|call| call.text.clone()).collect::<Vec<_>>().join("; "), end),
            }
        }
    };
    let two = ["a/plan.md", "b/Plan.md"];
    let (calls, end) = play("b/Plan.md", &two, &|run| run);
    assert_eq!(
        calls,
        "Read plan.md; Ask “Which “plan.md” is meant?” (options: “a/plan.md”, “b/Plan.md”); Read b/Plan.md; Say “content”"
    );
    assert!(matches!(end, Yield::Ended(_)), "{end:?}");
    let through_json = |run: Run| serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(play("b/Plan.md", &two, &through_json), (calls, end));
    // Neither a third answer nor options that have nothing to do with the path are taken.
    let (_, end) = play("/etc/passwd", &two, &|run| run);
    assert!(matches!(end, Yield::Failed(failure) if failure.code == ErrorCode::Ambiguous));
    let (calls, end) = play("x", &["a/plan.md", "x"], &|run| run);
    assert!(calls == "Read plan.md" && matches!(end, Yield::Failed(_)), "{calls}");
}

#[test]
fn shapes_tell_no_content() {
    let checked =
        check("mails = mail.find(about=\"x\")\ns = mails[0].text\nn = len(mails)\nsay(s)", &catalog(), "").unwrap();
    let mut run = Run::new(checked.plan);
    let Yield::Call(call) = run.advance(None, &catalog(), &clock()) else { panic!() };
    assert_eq!(run.line(), 1);
    run.advance(Some(answer(&call, 1)), &catalog(), &clock());
    assert_eq!(run.shapes(&catalog()), ["mails: list[Mail], 3 items", "n: int", "s: str, 4 characters"]);
    assert_eq!(run.line(), 4);
}

#[test]
fn limits_hold() {
    let failed = |source: &str| match run(source).1 {
        Yield::Failed(failure) => failure.to_string(),
        other => panic!("{other:?}"),
    };
    let doubling = |seed: &str, operation: &str| {
        let lines: Vec<String> = (1..60)
            .map(|n| operation.replace("NEW", &format!("x{n}")).replace("OLD", &format!("x{}", n - 1)))
            .collect();
        format!("x0 = {seed}\n{}", lines.join("\n"))
    };
    assert!(failed(&doubling("\"aaaaaaaa\"", "NEW = OLD + OLD")).contains("RUN_STATE_BYTES"));
    assert!(failed(&doubling("\"aaaaaaaa\"", "NEW = f\"{OLD}{OLD}\"")).contains("RUN_STATE_BYTES"));
    assert!(failed(&doubling("[1, 2]", "NEW = OLD + OLD")).contains("is "));
    let loops = |inner: &str| {
        let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]";
        let heads: String = (0..6).map(|n| format!("{}for i{n} in {list}:\n", "    ".repeat(n))).collect();
        format!("{heads}{}{inner}", "    ".repeat(6))
    };
    assert!(failed(&loops("x = 1")).contains("PLAN_STEPS"));
    assert!(failed(&loops("say(text=1)")).contains("RUN_CALLS"));
}

#[test]
fn answers_come_only_when_asked_for() {
    let plan = check("say(text=\"a\")", &catalog(), "").unwrap().plan;
    let mut run = Run::new(plan.clone());
    assert!(matches!(run.advance(Some(Ok(Value::none())), &catalog(), &clock()), Yield::Failed(_)));
    let mut run = Run::new(plan.clone());
    run.advance(None, &catalog(), &clock());
    assert!(matches!(run.advance(None, &catalog(), &clock()), Yield::Failed(_)));
    let mut run = Run::new(plan);
    run.advance(None, &catalog(), &clock());
    let failure = Failure::new(ErrorCode::Denied, "a person said no");
    assert_eq!(run.advance(Some(Err(failure.clone())), &catalog(), &clock()), Yield::Failed(failure));
    assert!(matches!(run.advance(None, &catalog(), &clock()), Yield::Failed(_)));
}

mod saved {
    use proptest::prelude::*;

    use super::{Run, run_with};

    /// A plan of random statements, of which each may use what stands before it.
    fn plan() -> impl Strategy<Value = String> {
        proptest::collection::vec((0..15_usize, any::<usize>(), any::<bool>()), 1..12).prop_map(|choices| {
            let mut lines: Vec<String> = vec!["v0 = mail.find(about=\"x\")".into()];
            let mut texts: Vec<String> = vec!["\"a\"".into()];
            let mut margin = String::new();
            for (place, (choice, pick, deeper)) in choices.iter().enumerate() {
                let name = format!("v{}", place + 1);
                let text = texts[pick % texts.len()].clone();
                let (line, binds) = match choice {
                    0 => (format!("{name} = summarise(text={text})"), true),
                    1 => (format!("{name} = f\"{{{text}}}-{{len(v0)}}\"").replace("{\"a\"}", "a"), true),
                    2 => (format!("{name} = v0[{}].subject", pick % 3), true),
                    3 => (format!("{name} = join([m.subject for m in v0 if m.subject != {text}])"), true),
                    4 => (format!("{name} = join([summarise(text=m) for m in v0])"), true),
                    5 => (format!("say(text={text})"), false),
                    6 => ("mail.send(to=[\"Ada\", \"Chen\"], subject=\"s\", body=\"b\")".into(), false),
                    7 => (format!("if v0 and {text} == \"short\" or summarise(text={text}) == \"short\":"), false),
                    8 => (format!("for m{place} in v0:"), false),
                    9 => (format!("{name} = str(1 / 3 + {})", pick % 7), true),
                    10 => (format!("{name} = first(sorted(v0, by=\"date\", descending=True)).text"), true),
                    11 => (format!("{name} = files.read(path=largest(files.find(), by=\"bytes\"))"), true),
                    12 => (format!("{name} = {text} + {text}"), true),
                    13 => (format!("mail.send(to=[\"Greta\", {text}], subject=\"s\", body=\"b\")"), false),
                    _ => (format!("{name} = ask(question={text}, options=[\"a\", {text}])"), true),
                };
                lines.push(format!("{margin}{line}"));
                if line.ends_with(':') {
                    margin.push_str("    ");
                    lines.push(format!("{margin}say(text=\"in\")"));
                } else if binds && margin.is_empty() {
                    texts.push(name);
                }
                if !margin.is_empty() && *deeper {
                    margin.truncate(margin.len() - 4);
                }
            }
            lines.join("\n")
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_run_that_is_saved_at_every_call_ends_the_same(source in plan()) {
            let straight = run_with(&source, |run| run);
            let saved = run_with(&source, |run| {
                let text = serde_json::to_string(&run).unwrap();
                let read: Run = serde_json::from_str(&text).unwrap();
                assert_eq!(read, run);
                read
            });
            prop_assert_eq!(straight, saved);
        }
    }
}
