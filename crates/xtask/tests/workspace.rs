//! The tree as it is: arrows, rules, and pages that are filled from data.

use xtask::arrows::{PAGE, compare, reached_never, read_graph, read_never, read_table};
use xtask::bench::{PAGE as FIGURES_PAGE, fill_from};
use xtask::finding::listing;
use xtask::tidy::RULES;
use xtask::tree::{Tree, workspace_root};

#[test]
fn the_arrows_are_those_of_the_page() {
    let root = workspace_root();
    let page = std::fs::read_to_string(root.join(PAGE)).unwrap();
    let graph = read_graph(&root).unwrap();
    let mut findings = compare(&read_table(&page).unwrap(), &graph.arrows);
    findings.extend(reached_never(&read_never().unwrap(), &graph.reached));
    assert!(findings.is_empty(), "\n{}", listing(findings));
}

#[test]
fn every_file_keeps_the_rules() {
    let tree = Tree::read(&workspace_root()).unwrap();
    let found: String = RULES
        .iter()
        .map(|(name, rule)| (name, rule(&tree)))
        .filter(|(_, findings)| !findings.is_empty())
        .map(|(name, findings)| format!("\n{name}:\n{}", listing(findings)))
        .collect();
    assert!(found.is_empty(), "{found}");
}

#[test]
fn the_promised_numbers_are_those_that_were_measured() {
    let root = workspace_root();
    let page = std::fs::read_to_string(root.join(FIGURES_PAGE)).unwrap();
    assert!(page == fill_from(&root).unwrap(), "{FIGURES_PAGE} is not filled from the results: run ./x bench --report");
}
