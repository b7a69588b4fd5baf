//! Asks the operator before something is changed.

use crate::end::{End, Outcome};
use std::io::{IsTerminal, Write};

/// Asks whether to do `what`, such as `drop carts@2`, unless `yes` answers
/// already. `deployment` describes it where a wrong one would be harmful.
///
/// # Errors
///
/// When the answer is no, or standard input is no terminal.
pub fn confirmed(deployment: Option<&str>, what: &str, yes: bool) -> Outcome {
    if yes {
        return Ok(());
    }
    let at = deployment.map_or(String::new(), |at| format!("this is {at}: "));
    if !std::io::stdin().is_terminal() {
        return Err(End::Wrong(format!(
            "{at}standard input is no terminal, so nobody can confirm: {what}. --yes confirms it"
        )));
    }
    match answered(&format!("{at}{what}? [y/N] ")) {
        Ok(true) => Ok(()),
        Ok(false) => Err(End::Refused("nothing was done".into())),
        Err(error) => Err(End::Failed(format!(
            "the question could not be asked: {error}"
        ))),
    }
}

/// Asks on standard error, because standard output may be JSON.
fn answered(question: &str) -> std::io::Result<bool> {
    let mut errors = std::io::stderr().lock();
    write!(errors, "{question}")?;
    errors.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
