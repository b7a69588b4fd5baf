//! What can go wrong between Rewind and AWS.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

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
    /// A service refuses what the request holds, and will refuse it again: a
    /// row that no item holds, a key that is too long.
    #[error("{operation} is refused: {reason}")]
    Rejected {
        /// What was called.
        operation: &'static str,
        /// The service's own words.
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

    /// A failed call, told apart: [`Error::Rejected`] where the service refuses
    /// what the request holds, [`Error::Service`] where it may take it later.
    pub(crate) fn call<E>(operation: &'static str) -> impl Fn(SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        move |error| match rejection(&error) {
            Some(reason) => Self::Rejected { operation, reason },
            None => Self::service(operation)(error),
        }
    }

    /// Whether a service refuses the request for good.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
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

/// Codes of refusals that say nothing about what the request holds: they go
/// away with time, or when the deployment is mended (AWS documentation, common
/// errors and DynamoDB's).
const PASSING: &[&str] = &[
    "AccessDeniedException",
    "ConditionalCheckFailedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InternalServerError",
    "InvalidSignatureException",
    "LimitExceededException",
    "MissingAuthenticationTokenException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "UnrecognizedClientException",
];

/// Whether a refusal of this code goes away. Codes that nobody has thought of
/// do not: whoever is refused then reports it, and reporting goes through the
/// same service, so that an outage never passes for a refusal.
pub(crate) fn is_passing(code: &str) -> bool {
    PASSING.contains(&code) || code.starts_with("KMS")
}

/// Why a service refuses what a request holds, if it does.
fn rejection<E>(error: &SdkError<E>) -> Option<String>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Some(DisplayErrorContext(error).to_string()),
        SdkError::ServiceError(answer) if answer.raw().status().is_client_error() => {
            let message = answer.err().message().unwrap_or_default();
            match answer.err().code() {
                Some(code) => (!is_passing(code)).then(|| format!("{code}: {message}")),
                // A proxy in between: too large, or not understood.
                None => {
                    let status = answer.raw().status().as_u16();
                    matches!(status, 400 | 413).then(|| format!("HTTP {status}"))
                }
            }
        }
        _ => None,
    }
}
