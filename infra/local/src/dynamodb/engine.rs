//! Runs the operations of DynamoDB on the database, after a check of permissions.
//!
//! The guard checks the same parsed request that the engine runs. So the two cannot read it differently.

use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use serde::Serialize;

use super::read;
use super::touched::Touches;
use crate::permissions::{Denied, Guard};

/// The database behind its guard.
pub(super) struct Engine {
    database: Database,
    guard: Arc<Guard>,
}

/// Why an operation did not run, or failed.
pub(super) enum Refused {
    /// There is no such operation.
    Unknown,
    /// The request has no credentials. Holds the body of the error.
    Unsigned(String),
    /// The caller lacks a permission.
    Denied(Denied),
    /// The engine refuses the request, or fails.
    ByEngine(DynoxideError),
    /// The engine panicked.
    Broken(String),
}

impl Refused {
    /// Whether the database failed, and not the request.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::ByEngine(error) if error.status_code() == 500)
    }
}

impl From<DynoxideError> for Refused {
    fn from(error: DynoxideError) -> Self {
        Self::ByEngine(error)
    }
}

macro_rules! operations {
    ($engine:ident, $caller:ident, $operation:ident, $body:ident: $($name:literal $method:ident,)*) => {
        match $operation {
            $($name => {
                let request = read::request($name, $body)?;
                $engine.check($caller, $name, &request)?;
                write(&$engine.database.$method(request).map_err(|error| read::enveloped($name, error))?)
            })*
            _ => Err(Refused::Unknown),
        }
    };
}

impl Engine {
    pub fn new(database: Database, guard: Arc<Guard>) -> Self {
        Self { database, guard }
    }

    /// Runs an operation for a caller. It blocks the thread.
    pub fn run(
        &self,
        caller: Option<&str>,
        operation: &str,
        body: &[u8],
    ) -> Result<String, Refused> {
        operations! { self, caller, operation, body:
            "BatchExecuteStatement" batch_execute_statement,
            "BatchGetItem" batch_get_item,
            "BatchWriteItem" batch_write_item,
            "CreateTable" create_table,
            "DeleteItem" delete_item,
            "DeleteTable" delete_table,
            "DescribeStream" describe_stream,
            "DescribeTable" describe_table,
            "DescribeTimeToLive" describe_time_to_live,
            "ExecuteStatement" execute_statement,
            "ExecuteTransaction" execute_transaction,
            "GetItem" get_item,
            "GetRecords" get_records,
            "GetShardIterator" get_shard_iterator,
            "ListStreams" list_streams,
            "ListTables" list_tables,
            "ListTagsOfResource" list_tags_of_resource,
            "PutItem" put_item,
            "Query" query,
            "Scan" scan,
            "TagResource" tag_resource,
            "TransactGetItems" transact_get_items,
            "TransactWriteItems" transact_write_items,
            "UntagResource" untag_resource,
            "UpdateItem" update_item,
            "UpdateTable" update_table,
            "UpdateTimeToLive" update_time_to_live,
        }
    }

    /// Whether the answer to a batch may say that a statement found no space. An item can hold the same text, so this is
    /// only a reason to check the disk.
    pub fn tells_of_full_disk(answer: &str) -> bool {
        answer.contains("database or disk is full")
    }

    fn check(
        &self,
        caller: Option<&str>,
        operation: &str,
        request: &impl Touches,
    ) -> Result<(), Refused> {
        let mut uses = request.uses(operation)?;
        for done in &mut uses {
            if let Some(attribute) = self.guard.partition_key(&done.resource) {
                let table = done.resource.rsplit('/').next().unwrap_or_default();
                done.keys = request.partition_keys(table, attribute);
                done.keys.sort_unstable();
                done.keys.dedup();
            }
        }
        self.guard.check(caller, &uses).map_err(Refused::Denied)
    }
}

fn write(answer: &impl Serialize) -> Result<String, Refused> {
    serde_json::to_string(answer).map_err(|error| Refused::Broken(error.to_string()))
}
