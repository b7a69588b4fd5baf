//! How a verb ends that was not done: what it says, and with which code.

use std::process::ExitCode;

/// Says why something was refused, or has failed. The exit code is 1.
pub fn refused(why: &str) -> ExitCode {
    ended(why, 1)
}

/// Says why the deployment could not be reached, or nobody could be asked. The
/// exit code is 2.
pub fn unreadable(why: &str) -> ExitCode {
    ended(why, 2)
}

fn ended(why: &str, code: u8) -> ExitCode {
    eprintln!("rewind: {why}");
    ExitCode::from(code)
}
