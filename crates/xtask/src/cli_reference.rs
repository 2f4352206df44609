//! The command line reference, taken from the binary's own help.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// The generated page.
pub const PAGE: &str = "docs/cli.md";
/// How deep commands may have commands of their own.
const COMMAND_DEPTH: usize = 4;

/// What answers `COMMAND… --help`.
pub trait Help {
    /// The help text of a command; the empty list is the program itself.
    ///
    /// # Errors
    /// A program that does not run, or refuses.
    fn help(&self, command: &[String]) -> Result<String, String>;
}

/// A built binary.
#[derive(Debug)]
pub struct Binary<'a>(pub &'a Path);

impl Help for Binary<'_> {
    fn help(&self, command: &[String]) -> Result<String, String> {
        let name = self.0.display();
        let output = Command::new(self.0)
            .args(command)
            .arg("--help")
            .env_remove("COLUMNS")
            .env("NO_COLOR", "1")
            .output()
            .map_err(|error| format!("cannot run {name}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{name} {} --help ended with {}", command.join(" "), output.status));
        }
        String::from_utf8(output.stdout).map_err(|error| format!("the help of {name} is not UTF-8: {error}"))
    }
}

/// The page: the program's help, then that of every command.
///
/// # Errors
/// What [`Help::help`] says.
pub fn page(program: &impl Help) -> Result<String, String> {
    let mut text = String::from(
        "# Command line reference\n\nGenerated from the program's own help by `./x docs`; `./x test` fails when it is not fresh.\n",
    );
    add(program, &[], &mut text)?;
    Ok(text)
}

fn add(program: &impl Help, command: &[String], text: &mut String) -> Result<(), String> {
    let help = program.help(command)?;
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let name = std::iter::once("genoa").chain(command.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    // Writing to a String cannot fail.
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    if command.len() < COMMAND_DEPTH {
        for inner in commands(&help) {
            let inner = [command, &[inner.to_owned()]].concat();
            add(program, &inner, text)?;
        }
    }
    Ok(())
}

/// The names in the `Commands:` section of a help text.
fn commands(help: &str) -> Vec<&str> {
    let section = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    section
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        // A description that goes on in the next line is indented deeper.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Help, page};

    struct Fake;

    impl Help for Fake {
        fn help(&self, command: &[String]) -> Result<String, String> {
            Ok(match command.join(" ").as_str() {
                "" => "A system.\n\nCommands:\n  journal  Looks back,\n           far back\n  help     Prints help\n\nOptions:\n  -h\n",
                "journal" => "Looks back\n\nCommands:\n  tail  The end  \n",
                "journal tail" => "The end\n\nOptions:\n  -n\n",
                other => return Err(format!("there is no {other}")),
            }
            .to_owned())
        }
    }

    #[test]
    fn every_command_has_its_part() {
        insta::assert_snapshot!(page(&Fake).unwrap(), @r"
        # Command line reference

        Generated from the program's own help by `./x docs`; `./x test` fails when it is not fresh.

        ## genoa

        ```text
        A system.

        Commands:
          journal  Looks back,
                   far back
          help     Prints help

        Options:
          -h
        ```

        ## genoa journal

        ```text
        Looks back

        Commands:
          tail  The end
        ```

        ## genoa journal tail

        ```text
        The end

        Options:
          -n
        ```
        ");
    }
}
