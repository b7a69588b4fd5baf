//! Inserts: PartiQL `INSERT`, which fails on a key that exists. Nothing else
//! writes to the events table.

use super::{item::text, names::born, slices::Written, table::EventStore};
use crate::aws::statements::{self, Answer, Statement};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{Commit, reversal::LastReversal};

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

impl From<Answer> for Inserted {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::New,
            Answer::Unmet => Self::Taken,
            Answer::Refused(reason) => Self::Refused(reason),
            Answer::Failed(reason) | Answer::Lost(reason) => Self::Failed(reason),
        }
    }
}

/// The insert of a commit.
pub(super) fn insert(table: &str, commit: &Commit, slices: &Written) -> Statement {
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
    Statement::insert(table, attributes)
}

impl EventStore {
    /// Inserts commits of different streams, at single capacity. A commit that
    /// is `Taken` follows a head that has moved on.
    pub async fn append(&self, commits: &[&Commit]) -> Vec<Inserted> {
        let slices = self.written().await;
        let items = commits.iter();
        let items = items.map(|commit| insert(&self.table, commit, &slices));
        self.insert(items.collect()).await
    }

    pub(super) async fn insert(&self, items: Vec<Statement>) -> Vec<Inserted> {
        let statements: Vec<&Statement> = items.iter().collect();
        let answers = statements::execute(&self.client, &statements).await;
        answers.into_iter().map(Inserted::from).collect()
    }
}
