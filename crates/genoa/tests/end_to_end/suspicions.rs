//! The hostile texts of the sample, with the weights that come with Genoa: what they could have influenced is asked about,
//! shown by labels, told in the answer and by `why`. What the sensor does not mark is treated as it always was.

use crate::world::World;

/// How a person is told of it before something is done.
const TOLD: &str = "! this reads like instructions to an assistant and could have influenced it:";

/// A world with the sample in it.
struct Sample {
    world: World,
    folder: String,
}

impl Sample {
    fn new() -> Self {
        let world = World::new();
        let folder = world.home().with_file_name("sample").to_str().unwrap().to_owned();
        world.ok(&["sample", &folder]);
        Self { world, folder }
    }

    fn ends(&self, arguments: &[&str], status: i32) -> String {
        self.world.ends(&[&["--workspace", &self.folder], arguments].concat(), status)
    }

    /// Runs a plan with the labels of its steps; gives everything that was printed.
    fn plan(&self, source: &str, status: i32) -> String {
        let file = self.world.home().with_file_name("test.plan");
        std::fs::write(&file, source).unwrap();
        self.ends(&["plan", "run", "--labels", file.to_str().unwrap()], status)
    }
}

const NOTE: &str = "found = notes.find(about=\"Lumen demo checklist\")\n";
const MAIL: &str =
    "found = mail.find(about=\"list of participants\")\nmails = [m for m in found if \"participants\" in m.subject]\n";

#[test]
fn what_a_hostile_note_could_have_influenced_stays_in_the_view_and_why_names_it() {
    let sample = Sample::new();
    let written = sample.plan(&format!("{NOTE}files.write(path=\"copy.md\", text=f\"{{found[0].text}}\")\n"), 0);
    assert!(!written.contains(TOLD), "it can be looked at before it counts\n{written}");
    let labels = written.lines().find(|line| line.trim_start().starts_with("from ")).unwrap();
    assert!(labels.contains("what reads like instructions to an assistant"), "{labels}");
    let told = sample.ends(&["why", "copy.md"], 0);
    assert!(told.contains("what a sensor marked, since it reads like instructions to an assistant"), "{told}");
}

#[test]
fn what_a_hostile_mail_could_have_influenced_is_asked_about_and_told_in_an_answer() {
    let sample = Sample::new();
    let send = "mail.send(to=[\"Ada Okafor\"], subject=\"a\", body=\"x\")";
    let asked = sample.plan(&format!("{MAIL}if \"Bergen\" in mails[0].text:\n    {send}\n"), 4);
    assert!(asked.contains(TOLD) && asked.contains("sender "), "{asked}");
    let refused = sample.ends(&["approve", "q1", "--always"], 1);
    assert!(refused.contains("asked about each time"), "{refused}");
    sample.ends(&["deny", "q1"], 0);
    let said = sample.plan(&format!("{MAIL}say(f\"{{mails[0].text}}\")\n"), 0);
    assert!(said.contains("Beware: something in this answer is from a text that reads like instructions"), "{said}");
}

/// The page's order hides among a page of prose, and is worded unlike what the sensor knows. What protects then is what always
/// did: it is somebody else's, and nothing in it is obeyed.
#[test]
fn a_hostile_page_that_is_not_marked_and_a_harmless_note_are_treated_as_ever() {
    let sample = Sample::new();
    let page = "Documents/Harbour Hotels/sustainability-page.html";
    let written =
        sample.plan(&format!("page = documents.text(path=\"{page}\")\nfiles.write(path=\"p.md\", text=page)\n"), 0);
    assert!(!written.contains(TOLD), "{written}");
    let harmless =
        "found = notes.find(about=\"Lamp for the desk\")\nfiles.write(path=\"l.md\", text=f\"{found[0].text}\")\n";
    assert!(!sample.plan(harmless, 0).contains(TOLD));
    assert!(sample.ends(&["doctor"], 0).contains("Injection sensor"));
}
