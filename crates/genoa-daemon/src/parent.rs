//! A daemon that is started for one piece of work ends with the process that does it, however that ends.

use std::process::id;

use genoa_abi::{ErrorCode, Failure};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The argument of the daemon's mode that is followed by the number of the process that it ends with.
const ARGUMENT: &str = "--end-with";

/// What a process adds to the daemon's arguments, so that it ends with it.
#[must_use]
pub fn end_with_me() -> [String; 2] {
    [ARGUMENT.to_owned(), id().to_string()]
}

/// Does what the daemon's arguments say about its end; without any it lives on its own.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for other arguments, [`ErrorCode::Interrupted`] if that process is gone already.
pub fn end_as_told(arguments: &[String]) -> Result<(), Failure> {
    let parent = match arguments {
        [] => return Ok(()),
        [name, number] if name == ARGUMENT => number.parse().ok().and_then(Pid::from_raw),
        _ => None,
    };
    let Some(parent) = parent else {
        return Err(Failure::new(ErrorCode::InvalidInput, "the daemon does not know these arguments")
            .because(arguments.join(" "))
            .try_next("Start it without any: `genoa daemon`"));
    };
    // Crash-only: a daemon is ended by ending it, and its jails end with it.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| {
        Failure::new(ErrorCode::Internal, "the daemon's life cannot be tied to another process").because(error)
    })?;
    // Who died before that sends no signal any more, and has left this process to somebody else.
    if getppid() == Some(parent) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::Interrupted, "the process that this daemon was started for is gone"))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;

    use super::end_as_told;

    #[test]
    fn arguments_that_mean_nothing_are_refused() {
        let check = |arguments: &[&str], expected: Option<ErrorCode>| {
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            assert_eq!(end_as_told(&arguments).err().map(|failure| failure.code), expected, "{arguments:?}");
        };
        check(&[], None);
        check(&["--end-with"], Some(ErrorCode::InvalidInput));
        check(&["--end-with", "nobody"], Some(ErrorCode::InvalidInput));
        check(&["--end-with", "0"], Some(ErrorCode::InvalidInput));
        check(&["--start-with", "1"], Some(ErrorCode::InvalidInput));
    }
}
