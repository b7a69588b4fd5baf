//! Asking before something is changed.

use super::Deployment;
use crate::exit::{End, Outcome};
use std::io::{IsTerminal, Write};

impl Deployment {
    /// Before something is changed on AWS: says where, and asks, unless `yes`
    /// is the answer. `what` is what is about to happen, such as `drop
    /// carts@2`.
    ///
    /// # Errors
    ///
    /// When the answer is no, or nobody can be asked.
    pub fn confirm(&self, what: &str, yes: bool) -> Outcome {
        match self.on_aws {
            Some(_) => self.confirm_anywhere(what, yes),
            None => Ok(()),
        }
    }

    /// As [`confirm`](Self::confirm), wherever the deployment is.
    ///
    /// # Errors
    ///
    /// As [`confirm`](Self::confirm).
    pub fn confirm_anywhere(&self, what: &str, yes: bool) -> Outcome {
        if yes {
            return Ok(());
        }
        let at = self.on_aws.as_ref();
        let at = at.map_or(String::new(), |at| format!("this is {at}: "));
        if !std::io::stdin().is_terminal() {
            return Err(End::Wrong(format!(
                "{at}nobody can be asked here whether to {what}: --yes is the answer"
            )));
        }
        match asked(&format!("{at}{what}? [y/N] ")) {
            Ok(true) => Ok(()),
            Ok(false) => Err(End::Refused("nothing was done".into())),
            Err(error) => Err(End::Failed(format!("nobody could be asked: {error}"))),
        }
    }
}

/// Asks on standard error: standard output may be JSON.
fn asked(question: &str) -> std::io::Result<bool> {
    let mut errors = std::io::stderr().lock();
    write!(errors, "{question}")?;
    errors.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
