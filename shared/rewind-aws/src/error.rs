//! What can go wrong between Rewind and AWS.

use aws_sdk_dynamodb::error::DisplayErrorContext;

/// A failure that is not the domain's: mostly worth another try.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to an AWS service failed, its retries included.
    #[error("{operation} failed: {reason}")]
    Service {
        /// What was called.
        operation: &'static str,
        /// The whole chain of causes.
        reason: String,
    },
    /// What a table holds cannot be read.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which item.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else was faster, again and again.
    #[error("{what} is changed by others all the time; gave up after {attempts} attempts")]
    Contended {
        /// What could not be written.
        what: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The environment lacks a variable that `template.yaml` declares.
    #[error("the environment variable {0} is not set; template.yaml declares it")]
    Environment(&'static str),
}

impl Error {
    /// A failed call, with the chain of its causes.
    pub(crate) fn service<E: std::error::Error>(operation: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::Service {
            operation,
            reason: DisplayErrorContext(error).to_string(),
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<rewind::commit::UnreadableCommit> for Error {
    fn from(unreadable: rewind::commit::UnreadableCommit) -> Self {
        Self::damaged(
            format!("commit {}@{}", unreadable.stream, unreadable.version),
            unreadable.reason,
        )
    }
}
