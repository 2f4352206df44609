//! What the check accepts, and what it says about the rest.

mod support;

use genoa_plan::check;
use support::catalog;

fn findings(source: &str) -> String {
    match check(source, &catalog(), "") {
        Ok(_) => "accepted".to_owned(),
        Err(findings) => findings.iter().map(|finding| finding.to_string()).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn good_plans_are_accepted() {
    for source in include_str!("good-plans.txt").split("---\n") {
        assert_eq!(findings(source), "accepted", "{source}");
    }
}

#[test]
fn mistakes_are_named_with_what_exists() {
    let cases = [
        "x = mail.search(about=\"a\")",
        "say(text=mails)",
        "events = calendar.find(about=\"a\")\nsay(events.title)",
        "events = calendar.find(about=\"a\")\nfor e in events:\n    say(e.name)",
        "m = calendar.find(subject=\"a\")",
        "files.write(path=\"a\")",
        "mail = mail.find()",
        "a = 1\na = 2",
        "x = say(text=\"a\")",
        "calendar.add(title=\"a\", start=\"soonish\")",
        "fs = files.find(kind=\"music\")",
        "deck = files.write(path=\"a\", text=[1 == 1])",
        "for x in 3:\n    say(x)",
        "import os",
        "while True:\n    say(1)",
        "x = [lambda: 1]",
        "x = 1 + \"a\"",
        "x = sorted(mail.find(), by=\"size\")",
        "x = sorted(mail.find())",
        "say(text=\"a\")\nrefuse(\"no\")",
        "if 1 < 2:\n    x = 1\nsay(x)",
        "x = mail.find(\"a\", \"b\")",
        "x = mail.find(about=\"a\", about=\"b\")",
        "x = {",
        "",
        "x = nope(1)\nsay(x.y)\nz = nope2(1)",
        "x = (1).__class__",
        "x = [1, \"a\"]",
    ];
    let report: Vec<String> =
        cases.iter().map(|source| format!("{source}\n  {}", findings(source).replace('\n', "\n  "))).collect();
    insta::assert_snapshot!(report.join("\n"), @r#"
        x = mail.search(about="a")
          line 1: there is no function `mail.search` (there is `mail.find`, `mail.open`, `mail.reply`, `mail.send`)
        say(text=mails)
          line 1: `mails` is not bound here (nothing is bound here)
        events = calendar.find(about="a")
        say(events.title)
          line 2: `events` is list[Event], which has no field `title` (use `first(events)`, `events[0]` or `for item in events:`)
        events = calendar.find(about="a")
        for e in events:
            say(e.name)
          line 3: Event has no field `name` (Event has `title`, `start`, `end`, `place`, `people`, `description`, `path`, `uid`)
        m = calendar.find(subject="a")
          line 1: `calendar.find` has no parameter `subject` (calendar.find(about: str = …, when: time = …, people: list[Contact] = …))
        files.write(path="a")
          line 1: `files.write` needs `text` (files.write(path: path, text: str))
        mail = mail.find()
          line 1: `mail` is the name of a function (choose a fresh name, for example `mail_2`)
        a = 1
        a = 2
          line 2: `a` is bound already (choose a fresh name, for example `a_2`)
        x = say(text="a")
          line 1: `say(text="a")` returns nothing that could be kept (write the call without `name =`)
        calendar.add(title="a", start="soonish")
          line 1: “soonish” is no time that is understood here (Write for example: today, tomorrow, friday 10:00, next week, last 7 days, since last monday, in 3 days, 25 november, 2026-11-25)
        fs = files.find(kind="music")
          line 1: "music" is none of the choices (choose one of "pdf" | "text" | "image")
        deck = files.write(path="a", text=[1 == 1])
          line 1: expected str, found list[bool]: `[1 == 1]` (use f"{…}" or `join([x.field for x in [1 == 1]], ", ")`)
        for x in 3:
            say(x)
          line 1: `3` is int, not a list
        import os
          line 1: plans have no imports (all functions are there already)
        while True:
            say(1)
          line 1: plans have no `while` (use `for x in xs:`)
        x = [lambda: 1]
          line 1: plans have no `lambda` (`sorted(xs, by="field")`, `first` and `largest` need none)
        x = 1 + "a"
          line 1: `+` does not go with int and str (join texts with f"{a} {b}"; `+` takes two numbers, two texts or two lists of one type)
        x = sorted(mail.find(), by="size")
          line 1: Mail cannot be ordered by `size` (order by `subject`, `date`, `text`, `id`, `path`)
        x = sorted(mail.find())
          line 1: Mail needs a field to order by (add by="field": `subject`, `date`, `text`, `id`, `path`)
        say(text="a")
        refuse("no")
          line 2: `refuse` must be the whole plan (write the steps without it, or refuse("why") and nothing else)
        if 1 < 2:
            x = 1
        say(x)
          line 3: `x` is not bound here (nothing is bound here)
        x = mail.find("a", "b")
          line 1: only the first argument of `mail.find` may stand without its name (mail.find(about: str = …, sender: Contact = …, when: time = …, unread: bool = …))
        x = mail.find(about="a", about="b")
          line 1: `mail.find` gets `about` twice
        x = {
          line 1: not a plan: unexpected EOF while parsing (one statement a line, as in Python)

          the plan is empty (write at least one statement, or refuse("why"))
        x = nope(1)
        say(x.y)
        z = nope2(1)
          line 1: there is no function `nope` (there is `lower`, `sorted`, `mail.open`)
          line 3: there is no function `nope2` (there is `lower`, `sorted`, `mail.open`)
        x = (1).__class__
          line 1: `1` is int, which has no fields
        x = [1, "a"]
          line 1: the elements of a list must be of one type: int and str (make two lists)
        "#);
}

#[test]
fn what_looks_odd_is_a_warning() {
    let warnings = |source: &str, intention: &str| {
        let checked = check(source, &catalog(), intention).unwrap_or_else(|findings| panic!("{findings:?}"));
        checked.warnings.iter().map(|finding| finding.to_string()).collect::<Vec<_>>()
    };
    let summary = "mails = mail.find(about=\"demo\")\ns = summarise(text=mails)\nsay(text=\"done\")";
    assert_eq!(
        warnings(summary, "Summarise Ada's mails about the demo into notes.md"),
        [
            "line 2: nobody uses `s` (use it, or leave the line out)",
            "the intention says “Ada”, and no call mentions it (did you mean to leave it out? An argument should hold \"Ada\")",
            "the intention says “notes.md”, and no call mentions it (did you mean to leave it out? An argument should hold \"notes.md\")",
        ]
    );
    let deletion = "x = files.find(name=\"report\")\nfiles.delete(file=first(x))";
    assert_eq!(
        warnings(deletion, "find the report on Friday"),
        ["line 2: the intention does not ask for `files.delete` (leave it out)",]
    );
    assert!(warnings(deletion, "delete the report").is_empty());
    assert!(warnings("refuse(\"I cannot order pizza\")", "order a pizza for Ada").is_empty());
    assert!(warnings("events = calendar.find(when=\"thursday\")", "what is on Thursday?").is_empty());
}

#[test]
fn hostile_sources_are_refused_quickly() {
    for source in [
        "(".repeat(60_000),
        "x=".repeat(30_000),
        "1+".repeat(30_000),
        "a.".repeat(30_000),
        "not ".repeat(15_000),
        "f\"{".repeat(20_000),
        "if 1:\n".repeat(9_000),
        "\u{0}\u{1b}[".to_owned(),
    ] {
        assert!(check(&source, &catalog(), "").is_err());
    }
    let long: String = (0..300).map(|n| format!("x{n} = 1\n")).collect();
    assert!(findings(&long).contains("more than 256 statements"));
}
