//! What a model elsewhere gets to see: what the person lets its provider see, and the rest is refused with the reason.

use crate::far::Far;
use crate::site::Site;

const SUMMARY_OF_A_FILE: &str = "text = files.read(path=\"report.txt\")\nshort = summarise(text)\nsay(short)\n";

#[test]
fn a_provider_sees_what_the_person_lets_it_see() {
    let (far, site) = (Far::new(""), Site::new());
    let network = format!("[network]\nhosts = [\"{}\"]\n", site.host);
    let page = format!("page = web.fetch(url=\"{}\")\nshort = summarise(page.text)\nsay(short)\n", site.url("/"));

    // Out of the box: what anybody may read, and no file of the person's.
    far.state(&network);
    let refused = far.near.plan(SUMMARY_OF_A_FILE, 3);
    assert!(refused.contains("far/smollm2-135m is not asked: it must not see this prompt"), "{refused}");
    assert!(
        refused.contains("it holds what files.read reads, for you, and") && refused.contains("sees = \"public\""),
        "{refused}"
    );
    assert!(refused.contains("set sees = \"private\" in [providers.far] if it may"), "{refused}");
    assert_eq!(far.arrived(), 0);
    far.near.plan(&page, 0);
    assert!(far.arrived() == 1 && far.received().contains("The page says hello."));

    // Nothing that was read.
    far.state(&format!("sees = \"words\"\n{network}"));
    let refused = far.near.plan(&page, 3);
    assert!(refused.contains("must not see this prompt") && refused.contains("sees = \"words\""), "{refused}");
    far.near.plan("short = summarise(\"The sun is warm. It is far away.\")\nsay(short)\n", 0);
    assert_eq!(far.arrived(), 2, "what the plan itself says are the person's words");

    // All of it.
    far.state(&format!("sees = \"private\"\n{network}"));
    far.near.plan(SUMMARY_OF_A_FILE, 0);
    assert!(far.arrived() == 3 && far.received().contains("The report."));
}
