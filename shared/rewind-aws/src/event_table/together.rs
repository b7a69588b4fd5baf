//! Inserts that stand together or not at all: what a command decides, the
//! values that it claims, and its outcome.

use super::{
    insert::insert,
    item::{key, stream_of, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::{
        item::{batch_get, number, string},
        statements::Statement,
    },
};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::execute_transaction::ExecuteTransactionError,
    types::{AttributeValue, ParameterizedStatement},
};
use rewind::{Commit, StreamName};
use serde::{Deserialize, Serialize};

/// Items in one transaction (AWS documentation).
pub const MAX_TOGETHER: usize = 100;

/// The most bytes that one transaction inserts. The limit is 4 MB.
pub const MAX_TOGETHER_BYTES: usize = 3_500_000;

/// What became of inserts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Together {
    /// All are in the table.
    Done,
    /// None is: a key exists, or others write at the same moment. Both are
    /// settled by reading again. The key may come from these inserts
    /// themselves, if their answer was lost.
    Taken,
    /// The table refuses them, and will refuse them again.
    Refused(String),
    /// Not known: it can be tried again.
    Failed(String),
}

/// The claim of a command's outcome: what was recorded for it, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeClaim {
    /// That of the first event.
    pub identity: String,
    /// That of the first event.
    pub fingerprint: String,
    /// What tells commands of one key apart. A run of a journal has none, nor has
    /// an event that pump has recorded.
    pub command: Option<String>,
    /// The commits that hold the outcome. The first tells what it is.
    pub commits: Vec<Place>,
}

/// A commit by its stream and its first version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The stream.
    pub stream: StreamName,
    /// The first version.
    pub version: u64,
}

impl EventStore {
    /// Inserts commits, and the claim of an outcome where there is one: all or
    /// none, at the capacity of a transaction, which is twice that of single
    /// inserts.
    pub async fn record_together(
        &self,
        commits: &[&Commit],
        claim: Option<&OutcomeClaim>,
    ) -> Together {
        let slices = self.written().await;
        let commits = commits.iter();
        let commits = commits.map(|commit| insert(&self.table, commit, &slices));
        let inserts: Vec<Statement> = claim
            .map(|claim| self.claim_insert(claim))
            .into_iter()
            .chain(commits)
            .collect();
        let operation = "ExecuteTransaction";
        let statements = inserts.into_iter().map(|insert| {
            ParameterizedStatement::builder()
                .statement(insert.text)
                .set_parameters(Some(insert.parameters))
                .build()
                .map_err(Error::service(operation))
        });
        let statements = match statements.collect::<Result<Vec<_>, _>>() {
            Ok(statements) => statements,
            Err(error) => return Together::Failed(error.to_string()),
        };
        let request = self.client.execute_transaction();
        match request
            .set_transact_statements(Some(statements))
            .send()
            .await
        {
            Ok(_) => Together::Done,
            Err(SdkError::ServiceError(error)) if is_cancelled(error.err()) => {
                cancelled(error.err())
            }
            Err(error) => match Error::call(operation)(error) {
                error if error.is_rejected() => Together::Refused(error.to_string()),
                error => Together::Failed(error.to_string()),
            },
        }
    }

    /// The claim of the outcome of this identity, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the claim is damaged.
    pub async fn outcome(&self, identity: &str) -> Result<Option<OutcomeClaim>, Error> {
        let wanted = vec![key(&format!("#{identity}"), 0)];
        let items = batch_get(&self.client, &self.table, wanted, &[]).await?;
        let Some(item) = items.first() else {
            return Ok(None);
        };
        let mut commits = vec![Place {
            stream: stream_of(item, "target")?,
            version: number(item, "from")?,
        }];
        if item.contains_key("also") {
            let also: Vec<Place> = serde_json::from_str(string(item, "also")?)
                .map_err(|error| Error::damaged(format!("outcome #{identity}"), error))?;
            commits.extend(also);
        }
        Ok(Some(OutcomeClaim {
            identity: identity.to_string(),
            fingerprint: string(item, "fingerprint")?.to_string(),
            command: match item.contains_key("command") {
                true => Some(string(item, "command")?.to_string()),
                false => None,
            },
            commits,
        }))
    }

    fn claim_insert(&self, claim: &OutcomeClaim) -> Statement {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let mut attributes = vec![
            ("stream", text(&format!("#{}", claim.identity))),
            ("version", number(0)),
            ("fingerprint", text(&claim.fingerprint)),
        ];
        if let Some(command) = &claim.command {
            attributes.push(("command", text(command)));
        }
        if let Some((first, also)) = claim.commits.split_first() {
            attributes.push(("target", text(first.stream.as_str())));
            attributes.push(("from", number(first.version)));
            if !also.is_empty() {
                let also = serde_json::to_string(also);
                let also = also.expect("places have text keys only, so they have JSON");
                attributes.push(("also", text(&also)));
            }
        }
        Statement::insert(&self.table, attributes)
    }
}

fn is_cancelled(error: &ExecuteTransactionError) -> bool {
    matches!(
        error,
        ExecuteTransactionError::TransactionCanceledException(_)
    )
}

/// What the reasons of a cancelled transaction say of it.
fn cancelled(error: &ExecuteTransactionError) -> Together {
    let ExecuteTransactionError::TransactionCanceledException(cancelled) = error else {
        return Together::Failed("not cancelled".into());
    };
    let reasons = cancelled.cancellation_reasons().iter();
    let reasons: Vec<(&str, &str)> = reasons
        .filter_map(|reason| Some((reason.code()?, reason.message().unwrap_or_default())))
        .filter(|(code, _)| *code != "None")
        .collect();
    let told = |wanted: &[&str]| {
        let found = reasons.iter().find(|(code, _)| wanted.contains(code))?;
        Some(format!("{}: {}", found.0, found.1))
    };
    if let Some(why) = told(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
        return Together::Refused(why);
    }
    let taken = [
        "DuplicateItem",
        "ConditionalCheckFailed",
        "TransactionConflict",
    ];
    match (told(&taken), reasons.first()) {
        (Some(_), _) => Together::Taken,
        (None, Some((code, message))) => Together::Failed(format!("{code}: {message}")),
        (None, None) => Together::Failed("cancelled without a reason".into()),
    }
}
