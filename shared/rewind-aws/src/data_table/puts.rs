//! Rows that are written at the same moment share a request: each has its own
//! condition and its own answer, as if it had come alone.
//!
//! Whoever writes first waits until all others that are ready have had their turn,
//! and sends for them as well.

use super::{
    key::Key,
    row::{Row, Written, attributes_of, optional},
};
use crate::{
    Error,
    aws::{
        retry,
        statements::{self, Answer, MAX_CALL_BYTES, MAX_STATEMENTS, Statement},
    },
};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A request under way. It is driven by those who wait for it, and ends with the
/// last of them.
type Sending = Shared<BoxFuture<'static, Arc<[Answer]>>>;

/// The puts of a process that share requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Puts(Arc<Mutex<Option<Group>>>);

/// Puts that are to be sent together.
#[derive(Debug)]
struct Group {
    /// `None` once they are on their way.
    waiting: Arc<Mutex<Option<Waiting>>>,
    sending: WeakShared<BoxFuture<'static, Arc<[Answer]>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    statements: Vec<Statement>,
    /// DynamoDB refuses a request that names a key twice.
    keys: HashSet<Key>,
    bytes: usize,
}

impl Puts {
    /// Writes a row over `was`, if nobody has written since `was` was read.
    pub async fn put(
        &self,
        client: &Client,
        table: &str,
        (key, row, was): (&Key, &Row, &Row),
    ) -> Result<Written, Error> {
        let statement = statement(table, key, row, was)?;
        let (place, sending) = self.join(client, key, statement);
        let operation = "writing a row";
        match sending.await[place].clone() {
            Answer::Done => Ok(Written::Done),
            Answer::Unmet => Ok(Written::Stale),
            Answer::Refused(reason) => Err(Error::Rejected { operation, reason }),
            Answer::Failed(reason) | Answer::Lost(reason) => {
                Err(Error::Service { operation, reason })
            }
        }
    }

    /// Gives a statement to the group that waits, or to a new one. The place of
    /// its answer, and what gives the answers.
    fn join(&self, client: &Client, key: &Key, mut statement: Statement) -> (usize, Sending) {
        let mut open = locked(&self.0);
        if let Some(group) = open.as_ref()
            && let Some(sending) = group.sending.upgrade()
        {
            match add(&group.waiting, key, statement) {
                Ok(place) => return (place, sending),
                Err(not_taken) => statement = not_taken,
            }
        }
        let mut first = Waiting::default();
        let place = first.push(key, statement);
        let waiting = Arc::new(Mutex::new(Some(first)));
        let (client, taken) = (client.clone(), waiting.clone());
        let sending = async move {
            // A task that begins now comes behind all that are ready.
            let turn = tokio::spawn(std::future::ready(()));
            // It fails only with the runtime, and with whoever waits here.
            turn.await.ok();
            let waiting = locked(&taken).take();
            let waiting = waiting.expect("nobody else takes them, and this does once");
            Arc::from(send(&client, &waiting.statements).await)
        };
        let sending = sending.boxed().shared();
        *open = sending
            .downgrade()
            .map(|sending| Group { waiting, sending });
        (place, sending)
    }
}

impl Waiting {
    fn push(&mut self, key: &Key, statement: Statement) -> usize {
        self.keys.insert(key.clone());
        self.bytes += statement.bytes();
        self.statements.push(statement);
        self.statements.len() - 1
    }
}

/// Adds a statement to those that wait, where it fits. Otherwise it comes back.
fn add(
    waiting: &Mutex<Option<Waiting>>,
    key: &Key,
    statement: Statement,
) -> Result<usize, Statement> {
    match &mut *locked(waiting) {
        Some(waiting)
            if waiting.statements.len() < MAX_STATEMENTS
                && waiting.bytes + statement.bytes() <= MAX_CALL_BYTES
                && !waiting.keys.contains(key) =>
        {
            Ok(waiting.push(key, statement))
        }
        _ => Err(statement),
    }
}

/// Sends statements, and again those of them that fail.
async fn send(client: &Client, statements: &[Statement]) -> Vec<Answer> {
    let mut answers = vec![Answer::Failed("it was not sent".into()); statements.len()];
    let mut wanted: Vec<usize> = (0..statements.len()).collect();
    for attempt in 1..=retry::ATTEMPTS {
        let sent: Vec<&Statement> = wanted.iter().map(|place| &statements[*place]).collect();
        let answered = statements::execute(client, &sent).await;
        for (place, answer) in wanted.iter().zip(answered) {
            answers[*place] = answer;
        }
        wanted.retain(|place| matches!(answers[*place], Answer::Failed(_)));
        if wanted.is_empty() {
            break;
        }
        if attempt < retry::ATTEMPTS {
            retry::wait(attempt).await;
        }
    }
    answers
}

/// The write of a row over `was`, if the item is still at the revision of `was`.
fn statement(table: &str, key: &Key, row: &Row, was: &Row) -> Result<Statement, Error> {
    let seen = was.revision;
    let attributes = attributes_of(key, row, seen + 1)?.into_iter();
    let (pk, sk) = (
        AttributeValue::S(key.pk.clone()),
        AttributeValue::S(key.sk.clone()),
    );
    if seen == 0 {
        let attributes = [("pk", pk), ("sk", sk)].into_iter().chain(attributes);
        return Ok(Statement::insert(table, attributes));
    }
    let mut text = format!("UPDATE \"{table}\"");
    let mut parameters = Vec::new();
    for (name, value) in attributes {
        text.push_str(&format!(" SET \"{name}\" = ?"));
        parameters.push(value);
    }
    for ((name, had), (_, has)) in optional(was).into_iter().zip(optional(row)) {
        if had && !has {
            text.push_str(&format!(" REMOVE \"{name}\""));
        }
    }
    text.push_str(" WHERE \"pk\" = ? AND \"sk\" = ? AND \"revision\" = ?");
    parameters.extend([pk, sk, AttributeValue::N(seen.to_string())]);
    Ok(Statement { text, parameters })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
