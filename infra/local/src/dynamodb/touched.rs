//! Lists the actions and resources of a request, as IAM names them.

use std::collections::BTreeSet;

use dynoxide::DynoxideError;
use dynoxide::actions::batch_execute_statement::BatchExecuteStatementRequest;
use dynoxide::actions::batch_get_item::BatchGetItemRequest;
use dynoxide::actions::batch_write_item::BatchWriteItemRequest;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::execute_statement::ExecuteStatementRequest;
use dynoxide::actions::execute_transaction::ExecuteTransactionRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, decode_shard_iterator};
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::list_tags_of_resource::ListTagsOfResourceRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::tag_resource::TagResourceRequest;
use dynoxide::actions::transact_get_items::TransactGetItemsRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::untag_resource::UntagResourceRequest;
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::actions::update_time_to_live::UpdateTimeToLiveRequest;

use super::keys;
use crate::permissions::{Use, partiql};

/// A request that lists what it uses.
pub(super) trait Touches {
    /// The actions on resources of a request of `operation`.
    ///
    /// # Errors
    ///
    /// When it holds a statement that cannot be read: such a statement is not run.
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError>;

    /// The partition keys of the items of a table that it is about; `attribute` is the table's partition key.
    fn partition_keys(&self, _table: &str, _attribute: &str) -> Vec<String> {
        Vec::new()
    }
}

macro_rules! of_one_item {
    ($($request:ty: $item:ident,)*) => {
        $(impl Touches for $request {
            fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
                Ok(vec![Use::on_table(operation, &self.table_name, None)])
            }

            fn partition_keys(&self, _: &str, attribute: &str) -> Vec<String> {
                keys::of_items([&self.$item], attribute)
            }
        })*
    };
}

of_one_item! {
    DeleteItemRequest: key,
    GetItemRequest: key,
    PutItemRequest: item,
    UpdateItemRequest: key,
}

macro_rules! of_one_table {
    ($($request:ty,)*) => {
        $(impl Touches for $request {
            fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
                Ok(vec![Use::on_table(operation, &self.table_name, None)])
            }
        })*
    };
}

of_one_table! {
    CreateTableRequest,
    DeleteTableRequest,
    DescribeTableRequest,
    DescribeTimeToLiveRequest,
    UpdateTableRequest,
    UpdateTimeToLiveRequest,
}

impl Touches for QueryRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        let index = self.index_name.as_deref();
        Ok(vec![Use::on_table(operation, &self.table_name, index)])
    }

    fn partition_keys(&self, _: &str, attribute: &str) -> Vec<String> {
        keys::of_query(self, attribute).into_iter().collect()
    }
}

impl Touches for ScanRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        let index = self.index_name.as_deref();
        Ok(vec![Use::on_table(operation, &self.table_name, index)])
    }
}

macro_rules! of_a_resource {
    ($($request:ty: $field:ident,)*) => {
        $(impl Touches for $request {
            fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
                let resource: Option<&String> = Option::from(&self.$field);
                let resource = resource.map_or("*", String::as_str);
                Ok(vec![Use::on_table(operation, resource, None)])
            }
        })*
    };
}

of_a_resource! {
    DescribeStreamRequest: stream_arn,
    GetShardIteratorRequest: stream_arn,
    ListStreamsRequest: table_name,
    ListTagsOfResourceRequest: resource_arn,
    TagResourceRequest: resource_arn,
    UntagResourceRequest: resource_arn,
}

impl Touches for ListTablesRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        Ok(vec![Use::on_table(operation, "*", None)])
    }
}

impl Touches for GetRecordsRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        let decoded = decode_shard_iterator(&self.shard_iterator);
        let table = decoded.map_or_else(|| "*".to_owned(), |(table, ..)| table);
        Ok(vec![Use::on_table(operation, &table, None)])
    }
}

impl Touches for BatchGetItemRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        Ok(on_each(operation, self.request_items.keys()))
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let asked = self
            .request_items
            .iter()
            .filter(|(name, _)| is(name, table));
        keys::of_items(asked.flat_map(|(_, asked)| &asked.keys), attribute)
    }
}

impl Touches for BatchWriteItemRequest {
    fn uses(&self, operation: &str) -> Result<Vec<Use>, DynoxideError> {
        Ok(on_each(operation, self.request_items.keys()))
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let asked = self
            .request_items
            .iter()
            .filter(|(name, _)| is(name, table));
        let items = asked.flat_map(|(_, writes)| writes).flat_map(|write| {
            let put = write.put_request.as_ref().map(|put| &put.item);
            let delete = write.delete_request.as_ref().map(|delete| &delete.key);
            put.into_iter().chain(delete)
        });
        keys::of_items(items, attribute)
    }
}

impl Touches for TransactGetItemsRequest {
    fn uses(&self, _: &str) -> Result<Vec<Use>, DynoxideError> {
        let tables = self.transact_items.iter().map(|item| &item.get.table_name);
        Ok(on_each("GetItem", tables))
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let gets = self.transact_items.iter().map(|item| &item.get);
        let gets = gets.filter(|get| is(&get.table_name, table));
        keys::of_items(gets.map(|get| &get.key), attribute)
    }
}

impl Touches for TransactWriteItemsRequest {
    fn uses(&self, _: &str) -> Result<Vec<Use>, DynoxideError> {
        // The engine refuses an item with several parts. Each part is checked all the same.
        let parts = self.transact_items.iter().flat_map(|item| {
            [
                item.put.as_ref().map(|put| ("PutItem", &put.table_name)),
                item.update
                    .as_ref()
                    .map(|update| ("UpdateItem", &update.table_name)),
                item.delete
                    .as_ref()
                    .map(|delete| ("DeleteItem", &delete.table_name)),
                item.condition_check
                    .as_ref()
                    .map(|check| ("ConditionCheckItem", &check.table_name)),
            ]
        });
        // A hundred puts into one table are one use.
        let parts: BTreeSet<(&str, &String)> = parts.flatten().collect();
        let uses = parts.into_iter();
        Ok(uses
            .map(|(action, table)| Use::on_table(action, table, None))
            .collect())
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let parts = self.transact_items.iter().flat_map(|item| {
            [
                item.put.as_ref().map(|put| (&put.table_name, &put.item)),
                item.update
                    .as_ref()
                    .map(|update| (&update.table_name, &update.key)),
                item.delete
                    .as_ref()
                    .map(|delete| (&delete.table_name, &delete.key)),
                item.condition_check
                    .as_ref()
                    .map(|check| (&check.table_name, &check.key)),
            ]
        });
        let parts = parts.flatten().filter(|(name, _)| is(name, table));
        keys::of_items(parts.map(|(_, item)| item), attribute)
    }
}

impl Touches for ExecuteStatementRequest {
    fn uses(&self, _: &str) -> Result<Vec<Use>, DynoxideError> {
        of_statements([&self.statement])
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        keys::of_statement(&self.statement, self.parameters.as_ref(), table, attribute)
    }
}

impl Touches for BatchExecuteStatementRequest {
    fn uses(&self, _: &str) -> Result<Vec<Use>, DynoxideError> {
        of_statements(self.statements.iter().map(|part| &part.statement))
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let parts = self.statements.iter().flat_map(|part| {
            keys::of_statement(&part.statement, part.parameters.as_ref(), table, attribute)
        });
        parts.collect()
    }
}

impl Touches for ExecuteTransactionRequest {
    fn uses(&self, _: &str) -> Result<Vec<Use>, DynoxideError> {
        of_statements(self.transact_statements.iter().map(|part| &part.statement))
    }

    fn partition_keys(&self, table: &str, attribute: &str) -> Vec<String> {
        let parts = self.transact_statements.iter().flat_map(|part| {
            keys::of_statement(&part.statement, part.parameters.as_ref(), table, attribute)
        });
        parts.collect()
    }
}

/// Whether a request means this table, by its name or ARN.
fn is(named: &str, table: &str) -> bool {
    named.rsplit('/').next() == Some(table)
}

fn on_each<'a>(action: &str, tables: impl Iterator<Item = &'a String>) -> Vec<Use> {
    let tables: BTreeSet<&String> = tables.collect();
    let uses = tables.into_iter();
    uses.map(|table| Use::on_table(action, table, None))
        .collect()
}

fn of_statements<'a>(
    statements: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<Use>, DynoxideError> {
    let mut uses: Vec<Use> = Vec::new();
    for statement in statements {
        let read = partiql::read(statement).ok_or_else(|| {
            DynoxideError::ValidationException(
                "Statement wasn't well formed, can't be processed: it names no verb with its table"
                    .to_owned(),
            )
        })?;
        let wanted = Use::on_table(read.action, &read.table, read.index.as_deref());
        if uses.last() != Some(&wanted) {
            uses.push(wanted);
        }
    }
    Ok(uses)
}
