//! Inserts: PartiQL `INSERT`, which fails on a key that exists. Nothing else
//! writes to the events table.

use super::{item::text, names::born, slices::Written, table::EventStore};
use crate::Error;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum as Code, BatchStatementRequest,
};
use futures::{StreamExt, stream};
use rewind::{Commit, reversal::LastReversal};

/// Statements in one BatchExecuteStatement call (AWS documentation).
const MAX_STATEMENTS: usize = 25;

/// The most bytes of items that one call inserts.
const MAX_CALL_BYTES: usize = 4_000_000;

/// Calls under way at once.
const CONCURRENCY: usize = 8;

/// The result of an insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the table now.
    New,
    /// The key exists already. It may come from this insert itself, if its answer
    /// was lost.
    Taken,
    /// The table refuses the item, and will refuse it again.
    Refused(String),
    /// Not known: throttled, or a failure of the service. It can be tried again.
    Failed(String),
}

/// An item to be inserted.
#[derive(Debug, Clone)]
pub(super) struct Insert {
    pub statement: String,
    pub parameters: Vec<AttributeValue>,
    /// About how many bytes it takes.
    bytes: usize,
}

impl Insert {
    /// An item of these attributes.
    pub fn new(table: &str, attributes: Vec<(&str, AttributeValue)>, bytes: usize) -> Self {
        let names = attributes.iter().map(|(name, _)| format!("'{name}': ?"));
        let names = names.collect::<Vec<_>>().join(", ");
        Self {
            statement: format!("INSERT INTO \"{table}\" VALUE {{{names}}}"),
            parameters: attributes.into_iter().map(|(_, value)| value).collect(),
            bytes,
        }
    }

    pub fn of(table: &str, commit: &Commit, slices: &Written) -> Self {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let mut attributes = vec![
            ("stream", text(commit.stream.as_str())),
            ("version", number(commit.version)),
            ("length", number(commit.length)),
            ("slice", text(&slices.slice(&commit.stream))),
            ("position", number(commit.position)),
            ("events", text(&commit.events)),
        ];
        match commit.reversal {
            LastReversal::None => attributes.push(("reversal", number(0))),
            LastReversal::At(version) => attributes.push(("reversal", number(version))),
            // What is not known is not stored.
            LastReversal::Unknown => {}
        }
        if !commit.numbers.is_empty() {
            let numbers = commit.numbers.stored();
            let numbers = numbers.map(|(source, last)| (source, number(last)));
            attributes.push(("numbers", AttributeValue::M(numbers.collect())));
        }
        if commit.version == 1 {
            attributes.push(("born", text(&born(&commit.stream))));
        }
        if let Some(appender) = &commit.appender {
            attributes.push(("appender", text(appender)));
        }
        Self::new(table, attributes, commit.events.len())
    }
}

impl EventStore {
    /// Inserts commits of different streams, at single capacity. A commit that
    /// is `Taken` follows a head that has moved on.
    pub async fn append(&self, commits: &[&Commit]) -> Vec<Inserted> {
        let slices = self.written().await;
        let items = commits.iter();
        let items = items.map(|commit| Insert::of(&self.table, commit, &slices));
        self.insert(items.collect()).await
    }

    pub(super) async fn insert(&self, items: Vec<Insert>) -> Vec<Inserted> {
        let mut calls: Vec<Vec<Insert>> = Vec::new();
        let mut bytes = usize::MAX;
        for item in items {
            match calls.last_mut() {
                Some(call)
                    if call.len() < MAX_STATEMENTS && bytes + item.bytes <= MAX_CALL_BYTES =>
                {
                    bytes += item.bytes;
                    call.push(item);
                }
                _ => {
                    bytes = item.bytes;
                    calls.push(vec![item]);
                }
            }
        }
        let answers = stream::iter(calls)
            .map(|call| self.execute(call))
            .buffered(CONCURRENCY);
        answers.collect::<Vec<_>>().await.concat()
    }

    /// Executes a call. One that is refused as a whole is cut in halves until
    /// the statement is found for which it is.
    async fn execute(&self, call: Vec<Insert>) -> Vec<Inserted> {
        let mut answers = Vec::with_capacity(call.len());
        let mut calls = vec![call.as_slice()];
        while let Some(call) = calls.pop() {
            match self.try_execute(call).await {
                Ok(answered) => answers.extend(answered),
                Err(Error::Rejected { .. }) if call.len() > 1 => {
                    let (first, second) = call.split_at(call.len() / 2);
                    calls.extend([second, first]);
                }
                Err(error) if error.is_rejected() => {
                    answers.push(Inserted::Refused(error.to_string()));
                }
                Err(error) => {
                    let failed = Inserted::Failed(error.to_string());
                    answers.extend(call.iter().map(|_| failed.clone()));
                }
            }
        }
        answers
    }

    async fn try_execute(&self, call: &[Insert]) -> Result<Vec<Inserted>, Error> {
        let operation = "BatchExecuteStatement";
        let statements = call.iter().map(|item| {
            BatchStatementRequest::builder()
                .statement(&item.statement)
                .set_parameters(Some(item.parameters.clone()))
                .build()
                .map_err(Error::service(operation))
        });
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.batch_execute_statement();
        let answer = request.set_statements(Some(statements)).send().await;
        let answer = answer.map_err(Error::call(operation))?;
        let (answers, wanted) = (answer.responses(), call.len());
        if answers.len() != wanted {
            let reason = format!("{} of {wanted} statements were answered", answers.len());
            return Err(Error::Service { operation, reason });
        }
        let inserted = answers.iter().map(|answer| match answer.error() {
            None => Inserted::New,
            Some(error) => inserted(error),
        });
        Ok(inserted.collect())
    }
}

/// What the error of one statement says of its insert.
fn inserted(error: &BatchStatementError) -> Inserted {
    let reason = || {
        let code = error.code().map_or("unknown", Code::as_str);
        format!("{code}: {}", error.message().unwrap_or_default())
    };
    match error.code() {
        Some(Code::DuplicateItem) => Inserted::Taken,
        Some(Code::ValidationError | Code::ItemCollectionSizeLimitExceeded) => {
            Inserted::Refused(reason())
        }
        _ => Inserted::Failed(reason()),
    }
}
