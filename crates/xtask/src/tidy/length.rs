//! Length: explained where it is wanted, and the explanation goes when it is no longer needed.

use crate::finding::Finding;
use crate::source::Source;
use crate::tree::Tree;

/// A file with more lines than this, tests not counted, says why.
pub const FILE_LINES: usize = 800;
/// A function with more lines than this says why.
pub const FUNCTION_LINES: usize = 80;
/// A file with fewer lines than this does not need its explanation. Between the two numbers it may keep it, so that
/// a file near the limit does not change its head with every commit.
const EXPLAINED_FILE_LINES: usize = 560;
const EXPLANATION: &str = "// tidy: long because ";

/// Files and functions that are long without a reason, and reasons that are no longer needed.
pub(super) fn lengths(tree: &Tree) -> Vec<Finding> {
    tree.sources().iter().flat_map(|source| file(source).into_iter().chain(functions(source))).collect()
}

fn is_explanation(line: &str) -> bool {
    line.trim_start().starts_with(EXPLANATION)
}

fn file(source: &Source) -> Option<Finding> {
    let lines = source.lines_without_tests();
    // An explanation inside a function is that function's.
    let is_explained = source.text.lines().any(|line| line.starts_with(EXPLANATION));
    if lines > FILE_LINES && !is_explained {
        let message = format!("{lines} lines without tests, over {FILE_LINES}: split it, or say `{EXPLANATION}…`");
        return Some(Finding::about(&source.path, message));
    }
    (lines < EXPLAINED_FILE_LINES && is_explained)
        .then(|| Finding::about(&source.path, format!("only {lines} lines: it needs no `{EXPLANATION}…`")))
}

fn functions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in &source.functions {
        let (start, length) = (*function.lines.start(), function.length());
        let is_explained = source.any_line(&function.lines, is_explanation);
        if length > FUNCTION_LINES && !is_explained {
            let message = format!(
                "`{}` has {length} lines, over {FUNCTION_LINES}: split it, or say `{EXPLANATION}…` in its body",
                function.name
            );
            findings.push(Finding::at(&source.path, start, message));
        } else if length <= FUNCTION_LINES && is_explained {
            let message = format!("`{}` has only {length} lines: it needs no `{EXPLANATION}…`", function.name);
            findings.push(Finding::at(&source.path, start, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::lengths;
    use crate::finding::listing;
    use crate::tree::Tree;

    fn function(name: &str, lines: usize, first: &str) -> String {
        format!("fn {name}() {{\n    {first}\n{}}}\n", "    step();\n".repeat(lines - 3))
    }

    #[test]
    fn long_files_are_found_and_so_are_needless_explanations() {
        let lines = "const A: u8 = 1;\n";
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines.repeat(900));
        let tree = Tree::of([
            ("crates/a/src/long.rs", lines.repeat(801)),
            ("crates/a/src/explained.rs", format!("// tidy: long because it is a table.\n{}", lines.repeat(801))),
            ("crates/a/src/near.rs", format!("// tidy: long because it is a table.\n{}", lines.repeat(600))),
            ("crates/a/src/short.rs", format!("// tidy: long because it was.\n{}", lines.repeat(9))),
            ("crates/a/src/tested.rs", format!("{lines}{tests}")),
        ]);
        insta::assert_snapshot!(listing(lengths(&tree)), @r"
        crates/a/src/long.rs: 801 lines without tests, over 800: split it, or say `// tidy: long because …`
        crates/a/src/short.rs: only 10 lines: it needs no `// tidy: long because …`
        ");
    }

    #[test]
    fn long_functions_are_found_and_so_are_needless_explanations() {
        let text = [
            function("fits", 80, ""),
            function("long", 81, ""),
            function("explained", 90, "// tidy: long because it is one match over a closed enum."),
            function("shrunk", 20, "// tidy: long because it was."),
        ];
        insta::assert_snapshot!(listing(lengths(&Tree::of([("crates/a/src/a.rs", text.concat())]))), @r"
        crates/a/src/a.rs:81: `long` has 81 lines, over 80: split it, or say `// tidy: long because …` in its body
        crates/a/src/a.rs:252: `shrunk` has only 20 lines: it needs no `// tidy: long because …`
        ");
    }
}
