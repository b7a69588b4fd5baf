//! PartiQL statements: many in one request, each answered for itself.

use super::item::bytes_of;
use crate::Error;
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum as Code,
        BatchStatementRequest,
    },
};
use futures::{StreamExt, stream};

/// Statements in one BatchExecuteStatement call (AWS documentation).
pub(crate) const MAX_STATEMENTS: usize = 25;

/// The most bytes of items that one call writes.
pub(crate) const MAX_CALL_BYTES: usize = 4_000_000;

/// Calls under way at once.
const CONCURRENCY: usize = 8;

const OPERATION: &str = "BatchExecuteStatement";

/// A statement that writes one item.
#[derive(Debug)]
pub(crate) struct Statement {
    pub text: String,
    /// One for each `?`.
    pub parameters: Vec<AttributeValue>,
}

impl Statement {
    /// An insert of an item of these attributes. It fails on a key that exists.
    pub fn insert<'n>(
        table: &str,
        attributes: impl IntoIterator<Item = (&'n str, AttributeValue)>,
    ) -> Self {
        let (names, parameters): (Vec<_>, Vec<_>) = attributes
            .into_iter()
            .map(|(name, value)| (format!("'{name}': ?"), value))
            .unzip();
        Self {
            text: format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")),
            parameters,
        }
    }

    /// About how many bytes its item takes.
    pub fn bytes(&self) -> usize {
        self.parameters.iter().map(bytes_of).sum()
    }
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has done what it says.
    Done,
    /// The key exists already, or the item is not as the statement wants it. Both
    /// may come from the statement itself, if its answer was lost.
    Unmet,
    /// The table refuses it, and will refuse it again.
    Refused(String),
    /// Not known: throttled, or a failure of the service. It can be tried again.
    Failed(String),
    /// Not known: the whole call has failed, the SDK's retries included.
    Lost(String),
}

/// Executes statements, each on an item of its own, in as few calls as hold them.
pub(crate) async fn execute(client: &Client, statements: &[&Statement]) -> Vec<Answer> {
    let calls = calls(statements).into_iter();
    let calls: Vec<_> = calls.map(|call| execute_call(client, call)).collect();
    let answers = stream::iter(calls).buffered(CONCURRENCY);
    answers.collect::<Vec<_>>().await.concat()
}

/// The statements of each call, in order.
fn calls<'c, 's>(statements: &'c [&'s Statement]) -> Vec<&'c [&'s Statement]> {
    let mut calls = Vec::new();
    let mut rest = statements;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(MAX_STATEMENTS).take_while(|statement| {
            bytes += statement.bytes();
            bytes <= MAX_CALL_BYTES
        });
        let (call, behind) = rest.split_at(fitting.count().max(1));
        calls.push(call);
        rest = behind;
    }
    calls
}

/// Executes a call. One that is refused as a whole is cut in halves until the
/// statement is found for which it is.
async fn execute_call(client: &Client, call: &[&Statement]) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(call.len());
    let mut calls = vec![call];
    while let Some(call) = calls.pop() {
        match try_call(client, call).await {
            Ok(answered) => answers.extend(answered),
            Err(Error::Rejected { .. }) if call.len() > 1 => {
                let (first, second) = call.split_at(call.len() / 2);
                calls.extend([second, first]);
            }
            Err(error) if error.is_rejected() => answers.push(Answer::Refused(error.to_string())),
            Err(error) => {
                let lost = Answer::Lost(error.to_string());
                answers.extend(call.iter().map(|_| lost.clone()));
            }
        }
    }
    answers
}

async fn try_call(client: &Client, call: &[&Statement]) -> Result<Vec<Answer>, Error> {
    let statements = call.iter().map(|statement| {
        BatchStatementRequest::builder()
            .statement(&statement.text)
            .set_parameters(Some(statement.parameters.clone()))
            .build()
            .map_err(Error::service(OPERATION))
    });
    let statements = statements.collect::<Result<Vec<_>, _>>()?;
    let request = client.batch_execute_statement();
    let answer = request.set_statements(Some(statements)).send().await;
    let answer = answer.map_err(Error::call(OPERATION))?;
    let (answers, wanted) = (answer.responses(), call.len());
    if answers.len() != wanted {
        return Err(Error::Service {
            operation: OPERATION,
            reason: format!("{} of {wanted} statements were answered", answers.len()),
        });
    }
    let answers = answers.iter().map(|answer| match answer.error() {
        None => Answer::Done,
        Some(error) => failed(error),
    });
    Ok(answers.collect())
}

/// What the error of one statement says of it.
fn failed(error: &BatchStatementError) -> Answer {
    let reason = || {
        let code = error.code().map_or("unknown", Code::as_str);
        format!("{code}: {}", error.message().unwrap_or_default())
    };
    match error.code() {
        Some(Code::DuplicateItem | Code::ConditionalCheckFailed) => Answer::Unmet,
        Some(Code::ValidationError | Code::ItemCollectionSizeLimitExceeded) => {
            Answer::Refused(reason())
        }
        _ => Answer::Failed(reason()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(bytes: &[usize]) -> Vec<usize> {
        let text = |bytes: &usize| AttributeValue::S("a".repeat(*bytes));
        let statement = |bytes| Statement::insert("t", [("a", text(bytes))]);
        let statements: Vec<Statement> = bytes.iter().map(statement).collect();
        let statements: Vec<&Statement> = statements.iter().collect();
        calls(&statements).iter().map(|call| call.len()).collect()
    }

    #[test]
    fn a_call_holds_what_fits() {
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[1; 60]), [25, 25, 10]);
        assert_eq!(sizes(&[3_000_000, 1_000_000, 1]), [2, 1]);
        assert_eq!(sizes(&[5_000_000, 5_000_000]), [1, 1]);
    }
}
