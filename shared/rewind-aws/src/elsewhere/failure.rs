//! What PostgreSQL's errors mean for whoever writes rows.

use crate::Error;

/// Why a call did not come about.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is gone, or the server is: another one may help.
    Gone(String),
    /// Others write the same rows at the same moment.
    Stale,
    /// Tables are not as they were when they were last looked at.
    Moved(String),
    /// The rest, [`Error::Rejected`] where the server will never take the row.
    Error(Error),
}

/// The name of what is called, in messages.
pub(super) const OPERATION: &str = "PostgreSQL";

impl Failure {
    /// As an error, where nothing helps.
    pub fn into_error(self) -> Error {
        let reason = match self {
            Self::Error(error) => return error,
            Self::Gone(reason) | Self::Moved(reason) => reason,
            Self::Stale => "others write the same rows all the time".into(),
        };
        Error::Service {
            operation: OPERATION,
            reason,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            return Self::Gone(chain(&error));
        };
        let code = told.code().code();
        // The server's sentence may quote the row, which has no business in logs.
        let place = [("column", told.column()), ("constraint", told.constraint())];
        let place = place
            .iter()
            .filter_map(|(what, name)| Some((what, (*name)?)));
        let place: String = place
            .map(|(what, name)| format!(", {what} `{name}`"))
            .collect();
        let known = format!("{:?}", told.code());
        let reason = format!("{code} {known}{place}");
        let classes = code.get(..2).unwrap_or_default();
        match (classes, code) {
            ("40", _) | (_, "55P03") => Self::Stale,
            ("08", _) | (_, "57P01" | "57P02" | "57P03" | "25P03") => Self::Gone(reason),
            ("22" | "23" | "54", _) => Self::Error(Error::Rejected {
                operation: OPERATION,
                reason,
            }),
            ("42", _) => Self::Moved(format!("{reason}: {}", told.message())),
            _ => Self::Error(Error::Service {
                operation: OPERATION,
                reason: format!("{reason}: {}", told.message()),
            }),
        }
    }
}

/// The chain of causes of an error of the connection.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
