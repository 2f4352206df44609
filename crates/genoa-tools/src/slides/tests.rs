//! Tests of the group `slides`, hostile input among them.

use genoa_abi::ErrorCode;
use serde_json::{Value as Json, json};

use crate::documents::text_of;
use crate::testing::Bench;

fn demo() -> Json {
    let fact = |about: &str, text: &str, source: &str, path: &str| json!({ "about": about, "text": text, "source": source, "path": path });
    let long = "The pilot ran for six weeks in three harbours; the crews reported that the forecasts were good enough to plan a day \
                ahead, that the tablet was hard to read in the sun, and that the login took too long. "
        .repeat(3);
    json!({
        "path": "out/Demo deck.pptx",
        "title": "Fjordlight: product demo for the harbour board",
        "subtitle": "What we show, what it costs, and what we ask for",
        "event": { "title": "Demo with Ada", "start": "2026-11-26T10:00:00+01:00", "end": "2026-11-26T11:00:00+01:00", "place": "Room 4, Bergen",
                   "people": [{"name": "Ada Marchetti", "email": "ada@x.example", "path": "contacts.vcf"}, {"name": "Nora Lindqvist", "email": "nora@x.example", "path": "contacts.vcf"}],
                   "description": "", "uid": "1", "path": "calendar.ics" },
        "sections": ["goals", "results", "risks", "budget"],
        "facts": [
            fact("goals", "Show the live forecast for the three pilot harbours.", "Notes on the demo", "notes/demo.md"),
            fact("goals", "Get a decision on the winter roll-out before Christmas.", "Mail from Ada Marchetti: agenda for Thursday", "mail/cur/12:2,S"),
            fact("results", &long, "Pilot report", "reports/pilot report.pdf"),
            fact("results", "Fuel use fell by 7.4 % against the year before.", "Pilot report", "reports/pilot report.pdf"),
            fact("results", "42 of 48 captains want to go on.", "Survey", "data/survey.xlsx"),
            fact("risks", "The sensor in Ålesund fails below −5 °C.", "Notes on the demo", "notes/demo.md"),
            fact("risks", "<script>alert('x')</script> & \"quotes\" ]]> are text.", "A <b>hostile</b> mail", "mail/cur/13:2,S"),
        ],
    })
}

#[test]
fn the_deck_and_its_page_are_written_and_read_back() {
    let bench = Bench::new();
    let files = bench.ok("slides.write", demo());
    assert_eq!(files[0]["path"], "out/Demo deck.pptx");
    assert_eq!(files[1]["path"], "out/Demo deck.html");
    let text = text_of(&bench.path().join("out/Demo deck.pptx")).unwrap();
    for wanted in [
        "Fjordlight: product demo",
        "Thursday, 26 November 2026, 10:00 · Room 4, Bergen",
        "Agenda",
        "Nothing was found",
        "(source: Survey, data/survey.xlsx)",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
    let page = bench.text("out/Demo deck.html");
    assert!(page.contains("href=\"../reports/pilot%20report.pdf\""));
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    assert_eq!(page.matches("<script>").count(), 1, "only our own script");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page names no other place");
}

#[test]
fn the_same_material_gives_the_same_bytes() {
    let write = || {
        let bench = Bench::new();
        bench.ok("slides.write", demo());
        std::fs::read(bench.path().join("out/Demo deck.pptx")).unwrap()
    };
    assert!(write() == write());
}

#[test]
fn every_part_is_well_formed_xml() {
    let bench = Bench::new();
    bench.ok("slides.write", demo());
    let bytes = std::fs::read(bench.path().join("out/Demo deck.pptx")).unwrap();
    let mut archive = crate::documents::Archive::open(&bytes).unwrap();
    for name in archive.names() {
        let xml = String::from_utf8(archive.read(&name).unwrap()).unwrap();
        let mut reader = quick_xml::Reader::from_str(&xml);
        while !matches!(
            reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")),
            quick_xml::events::Event::Eof
        ) {}
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let bench = Bench::new();
    let refused = |change: &dyn Fn(&mut Json)| {
        let mut arguments = demo();
        change(&mut arguments);
        bench.refused("slides.write", arguments)
    };
    assert_eq!(refused(&|a| a["path"] = "deck.pdf".into()), ErrorCode::InvalidInput);
    assert_eq!(refused(&|a| a["path"] = "../deck.pptx".into()), ErrorCode::NotGranted);
    assert_eq!(
        refused(&|a| {
            a["facts"] = json!([]);
            a["sections"] = json!([]);
        }),
        ErrorCode::NotFound
    );
}
