//! What a plan shows of itself, and the edge to the tools.

mod support;

use genoa_abi::{Datum, ErrorCode, Labels, Source, Value};
use genoa_plan::{argument_to_json, check, value_from_json};
use serde_json::json;
use support::{catalog, clock};

#[test]
fn a_preview_says_the_plan_in_plain_words() {
    let preview = |source: &str| check(source, &catalog(), "").unwrap().plan.preview(&catalog()).join("\n");
    let plans: Vec<String> = include_str!("good-plans.txt").split("---\n").map(preview).collect();
    insta::assert_snapshot!(plans.join("\n--\n"), @r#"
        Find events about “demo” on thursday (people: “Ada”) → events
        Take first of events → event
        Collect what is known about “demo” with people of event since last month → sources
        Extract “goal”, “audience”, “numbers” from sources → facts
        Make slides “Demo for {event.title}” at slides/demo.pptx (points: facts)
        --
        Find mails from “Ada” since last monday → mails
        For each m in mails:
          If “invoice” is in subject of m:
            Write the note subject of m (text: text of m)
        --
        Refuse: “I cannot order food”
        --
        Look at the disks → disks
        Take each d in disks if used percent of d is more than 90 → full
        If full:
          Say “{len(full)} disks are nearly full: {full[0].mount}”
        Otherwise:
          Say “No disk is nearly full”
        --
        Find contacts named “Chen Li”
        --
        Find files of kind pdf (changed: last 7 days) → pdfs
        Take pdfs sorted by bytes, largest first → big
        Move first of big to archive
        --
        Add “Review” at friday 10:00 to the calendar (people: “Ada”, “Boris”) → event
        Send “Review” to people of event (body: “We meet: {event.start}”)
        --
        Take Read f for each f in Find files of kind text → texts
        Summarise texts → summary
        Write summary.md (text: summary)
        --
        Send “Hello” to “Ada” with each f in Find files named “report” (body: “Hi”)
        --
        Find contacts named “Ada” → people
        Send “x” to people + ["Boris"] (body: “y”)
        --
        Open the mail “1” → m
        If m and not attachments of m:
          Reply “Nothing is attached” to m
        Otherwise:
          If m:
            Say m
          Otherwise:
            Ask “Which mail?” (options: “a”, “b”) → answer
            Say answer
        --
        Take 2 → a
        Take a * 3 - 1 → b
        Take b / 2 → c
        Say “{c} {a} {b}”
        --
        Open the mail “1” → m
        Extract “total” (number), “paid on” (date), “account” (text), “overdue” (yes/no), “files” (paths) from text of m → bill
        If overdue of bill and total of bill is more than 100:
          Add “Pay {bill.account}” at paid on of bill to the calendar
        For each f in files of bill:
          Move f to bills
        --
        Extract “total” (number) from Find mails about “bill” → bills
        Take total of bills by total → total
        Take largest of bills by total → most
        Say “{total} in all, {most.total} for {most.source}”
        "#);
}

#[test]
fn a_plan_names_its_tools_and_its_refusal() {
    let plan = check("events = calendar.find(about=\"x\", people=[\"Ada\"])\nsay(events)\nsay(events)", &catalog(), "")
        .unwrap()
        .plan;
    assert_eq!(plan.tools(), ["calendar.find", "say", "contacts.find"]);
    assert_eq!(plan.refusal(), None);
    for source in ["refuse(\"no ovens here\")", "refuse(reason=\"no ovens here\")"] {
        assert_eq!(check(source, &catalog(), "").unwrap().plan.refusal(), Some("no ovens here"));
    }
}

#[test]
fn records_are_labelled_with_where_they_came_from() {
    let read = |ty: &str, json| value_from_json(&ty.parse().unwrap(), &json, &catalog(), &Labels::none());
    let page = read("Page", json!({"url": "https://user@evil.example:8443/x?y", "title": "t", "text": "t"})).unwrap();
    assert_eq!(page.deep_labels(), Labels::from(Source::Web("evil.example".into())));
    let note = read("Note", json!({"title": "t", "text": "t", "date": "d", "path": "n.md"})).unwrap();
    assert_eq!(note.deep_labels(), Labels::from(Source::File("n.md".into())));
    assert_eq!(read("Note", json!({"title": 3})).unwrap_err().code, ErrorCode::ToolFailed);
    assert_eq!(read("list[int]", json!({})).unwrap_err().code, ErrorCode::ToolFailed);
    let deep = (0..40).fold("int".to_owned(), |inner, _| format!("list[{inner}]"));
    let value = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(read(&deep, value).unwrap_err().code, ErrorCode::TooLarge);
}

#[test]
fn times_are_resolved_at_the_edge() {
    let json = argument_to_json(&"time?".parse().unwrap(), &Value::text("friday 10:00"), &clock()).unwrap();
    assert_eq!(
        json,
        json!({"words": "friday 10:00", "start": "2026-11-27T10:00:00+01:00", "end": "2026-11-27T10:00:00+01:00"})
    );
    let failure = argument_to_json(&"time".parse().unwrap(), &Value::text("soon"), &clock()).unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    assert_eq!(argument_to_json(&"time?".parse().unwrap(), &Value::none(), &clock()), Ok(json!(null)));
    let list = Value::from(Datum::List(vec![Value::text("a")]));
    assert_eq!(argument_to_json(&"list[str]".parse().unwrap(), &list, &clock()), Ok(json!(["a"])));
}
