//! Requests of which a part fails.

use rand::{Rng, rngs::SmallRng};
use serde_json::{Map, Value, json};

/// Which part of a request is sent, and how the rest is answered.
#[derive(Debug)]
pub enum Cut {
    /// PutRecords and BatchExecuteStatement: each entry has an answer at its
    /// place.
    Entries {
        /// The request.
        request: Map<String, Value>,
        /// How the entries and their answers are called.
        names: Names,
        /// What becomes of each entry.
        fates: Vec<Fate>,
    },
    /// BatchGetItem: some keys are kept back.
    Keys {
        /// The request without them.
        request: Value,
        /// Those, as `UnprocessedKeys`.
        kept: Map<String, Value>,
    },
    /// TransactWriteItems and ExecuteTransaction: it meets another transaction.
    Transaction {
        /// How many items it has.
        items: usize,
    },
    /// ExecuteTransaction: it arrives, and its sender hears that it is under way
    /// already, as the repetition of a request does that is still being worked
    /// on.
    InProgress,
}

/// The words of an operation on entries.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    entries: &'static str,
    answers: &'static str,
    is_kinesis: bool,
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is sent, and answered as the service answers it.
    Sent,
    /// It is not sent: too much at once.
    Refused,
    /// It is not sent: the service failed.
    Failed,
    /// It is sent, and yet answered as failed.
    Denied,
}

const RECORDS: Names = Names {
    entries: "Records",
    answers: "Records",
    is_kinesis: true,
};

const STATEMENTS: Names = Names {
    entries: "Statements",
    answers: "Responses",
    is_kinesis: false,
};

impl Cut {
    /// Cuts a request, where its operation can fail in part.
    pub fn of(operation: &str, body: Option<&[u8]>, dice: &mut SmallRng) -> Option<Self> {
        let Value::Object(request) = serde_json::from_slice(body?).ok()? else {
            return None;
        };
        match operation {
            "PutRecords" => entries(request, RECORDS, dice),
            "BatchExecuteStatement" => entries(request, STATEMENTS, dice),
            "BatchGetItem" => keys(request, dice),
            "TransactWriteItems" => {
                let items = request.get("TransactItems")?.as_array()?.len();
                Some(Self::Transaction { items })
            }
            "ExecuteTransaction" => {
                let items = request.get("TransactStatements")?.as_array()?.len();
                Some(match dice.random_bool(0.25) {
                    true => Self::InProgress,
                    false => Self::Transaction { items },
                })
            }
            _ => None,
        }
    }

    /// The request as it is sent on; `None` where nothing of it is.
    pub fn sent(&self) -> Option<Value> {
        match self {
            Self::Entries {
                request,
                names,
                fates,
            } => {
                let entries = request.get(names.entries)?.as_array()?.iter().zip(fates);
                let sent: Vec<Value> = entries
                    .filter(|(_, fate)| fate.is_sent())
                    .map(|(entry, _)| entry.clone())
                    .collect();
                if sent.is_empty() {
                    return None;
                }
                let mut request = request.clone();
                request.insert(names.entries.into(), sent.into());
                Some(request.into())
            }
            Self::Keys { request, .. } => Some(request.clone()),
            Self::Transaction { .. } | Self::InProgress => None,
        }
    }

    /// The answer to the whole, from the answer to what was sent.
    pub fn answered(self, answer: Option<Value>) -> Value {
        let mut answer = answer.unwrap_or_else(|| json!({}));
        match self {
            Self::Entries { names, fates, .. } => {
                let own = answer[names.answers].take();
                let mut own = own.as_array().cloned().unwrap_or_default().into_iter();
                let answers = fates.iter().map(|fate| {
                    let own = if fate.is_sent() { own.next() } else { None };
                    match fate {
                        Fate::Sent => own.unwrap_or_default(),
                        fate => names.failure(*fate),
                    }
                });
                let answers: Vec<Value> = answers.collect();
                if names.is_kinesis {
                    let failed = answers.iter().filter(|a| a.get("ErrorCode").is_some());
                    answer["FailedRecordCount"] = failed.count().into();
                }
                answer[names.answers] = answers.into();
            }
            Self::Keys { kept, .. } => answer["UnprocessedKeys"] = kept.into(),
            Self::Transaction { .. } | Self::InProgress => {}
        }
        answer
    }
}

impl Fate {
    fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Denied)
    }
}

impl Names {
    fn failure(self, fate: Fate) -> Value {
        match (self.is_kinesis, fate) {
            (true, Fate::Refused) => json!({
                "ErrorCode": "ProvisionedThroughputExceededException",
                "ErrorMessage": "Rate exceeded for shard shardId-000000000000.",
            }),
            (true, _) => json!({
                "ErrorCode": "InternalFailure",
                "ErrorMessage": "Internal service failure.",
            }),
            (false, Fate::Refused) => json!({ "Error": {
                "Code": "ThrottlingError",
                "Message": "Rate exceeded.",
            }}),
            (false, _) => json!({ "Error": {
                "Code": "InternalServerError",
                "Message": "Internal server error.",
            }}),
        }
    }
}

/// Half of the entries, and at least one, do not go well.
fn entries(request: Map<String, Value>, names: Names, dice: &mut SmallRng) -> Option<Cut> {
    let count = request.get(names.entries)?.as_array()?.len();
    let unlucky = dice.random_range(0..count.max(1));
    let fates = (0..count).map(|nth| {
        if nth != unlucky && dice.random_bool(0.5) {
            return Fate::Sent;
        }
        match dice.random_range(0..4) {
            0 => Fate::Failed,
            1 => Fate::Denied,
            _ => Fate::Refused,
        }
    });
    let fates = fates.collect();
    Some(Cut::Entries {
        request,
        names,
        fates,
    })
}

/// Some keys of each table are kept back, never the first.
fn keys(mut request: Map<String, Value>, dice: &mut SmallRng) -> Option<Cut> {
    let mut kept = Map::new();
    for (table, wanted) in request.get_mut("RequestItems")?.as_object_mut()? {
        let keys = wanted["Keys"].as_array()?.clone();
        let mut rest = Vec::new();
        let mut sent = Vec::new();
        for key in keys {
            match sent.is_empty() || dice.random_bool(0.5) {
                true => sent.push(key),
                false => rest.push(key),
            }
        }
        if !rest.is_empty() {
            let mut unprocessed = wanted.clone();
            unprocessed["Keys"] = rest.into();
            kept.insert(table.clone(), unprocessed);
        }
        wanted["Keys"] = sent.into();
    }
    if kept.is_empty() {
        return None;
    }
    let request = request.into();
    Some(Cut::Keys { request, kept })
}
