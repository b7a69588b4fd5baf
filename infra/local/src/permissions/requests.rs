//! What a request to DynamoDB or Kinesis does, as IAM sees it.

use std::collections::BTreeMap;

use ferrokinesis::shard_iterator::decode_shard_iterator;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Use, partiql};
use crate::template::{ACCOUNT, REGION};

/// The parts of a DynamoDB request that say which tables it is about. The rest is skipped, not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    table_name: Option<String>,
    index_name: Option<String>,
    resource_arn: Option<String>,
    statement: Option<String>,
    statements: Vec<Statement>,
    transact_statements: Vec<Statement>,
    transact_items: Vec<BTreeMap<String, Target>>,
    request_items: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    statement: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    table_name: String,
}

/// What a DynamoDB request does. A body that is no request does nothing: the service itself refuses it.
pub(crate) fn dynamodb_uses(operation: &str, body: &[u8]) -> Vec<Use> {
    let request: Request = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        "ExecuteStatement" => request
            .statement
            .iter()
            .filter_map(|statement| of_statement(statement))
            .collect(),
        "BatchExecuteStatement" => of_statements(&request.statements),
        "ExecuteTransaction" => of_statements(&request.transact_statements),
        "BatchGetItem" | "BatchWriteItem" => request
            .request_items
            .keys()
            .map(|table| on_table(operation, table, None))
            .collect(),
        "TransactGetItems" | "TransactWriteItems" => request
            .transact_items
            .iter()
            .flatten()
            .filter_map(|(part, target)| {
                Some(on_table(part_action(part)?, &target.table_name, None))
            })
            .collect(),
        _ => {
            let table = request.table_name.or(request.resource_arn);
            vec![on_table(
                operation,
                table.as_deref().unwrap_or("*"),
                request.index_name.as_deref(),
            )]
        }
    }
}

/// What a Kinesis request does.
pub(crate) fn kinesis_uses(operation: &str, request: &Value) -> Vec<Use> {
    let text = |field: &str| request[field].as_str();
    let of_iterator = || {
        decode_shard_iterator(text("ShardIterator")?)
            .ok()
            .map(|(_, stream, _, _)| stream_arn(&stream))
    };
    let resource = text("StreamARN")
        .map(str::to_owned)
        .or_else(|| text("StreamName").map(stream_arn))
        .or_else(of_iterator)
        .unwrap_or_else(|| "*".to_owned());
    vec![Use {
        action: format!("kinesis:{operation}"),
        resource,
    }]
}

fn of_statements(statements: &[Statement]) -> Vec<Use> {
    let mut uses: Vec<Use> = statements
        .iter()
        .filter_map(|part| of_statement(&part.statement))
        .collect();
    // A batch of 25 inserts into one table is one thing to look up.
    uses.dedup();
    uses
}

fn of_statement(statement: &str) -> Option<Use> {
    let partiql::Statement {
        action,
        table,
        index,
    } = partiql::read(statement)?;
    Some(on_table(action, &table, index.as_deref()))
}

fn part_action(part: &str) -> Option<&'static str> {
    match part {
        "Get" => Some("GetItem"),
        "Put" => Some("PutItem"),
        "Update" => Some("UpdateItem"),
        "Delete" => Some("DeleteItem"),
        "ConditionCheck" => Some("ConditionCheckItem"),
        _ => None,
    }
}

fn on_table(action: &str, table: &str, index: Option<&str>) -> Use {
    let name = table.rsplit_once("table/").map_or(table, |(_, name)| name);
    let index = index
        .map(|index| format!("/index/{index}"))
        .unwrap_or_default();
    Use {
        action: format!("dynamodb:{action}"),
        resource: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}{index}"),
    }
}

fn stream_arn(name: &str) -> String {
    format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does(operation: &str, body: &str) -> Vec<(String, String)> {
        let prefix = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/");
        dynamodb_uses(operation, body.as_bytes())
            .into_iter()
            .map(|done| {
                (
                    done.action.replace("dynamodb:", ""),
                    done.resource.replace(&prefix, ""),
                )
            })
            .collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter()
            .map(|(action, table)| ((*action).to_owned(), (*table).to_owned()))
            .collect()
    }

    #[test]
    fn a_query_of_an_index_is_about_the_index() {
        assert_eq!(
            does("Query", r#"{"TableName":"events"}"#),
            pairs(&[("Query", "events")])
        );
        let of_index = does(
            "Query",
            r#"{"IndexName":"by","TableName":"events","Limit":1}"#,
        );
        assert_eq!(of_index, pairs(&[("Query", "events/index/by")]));
    }

    #[test]
    fn a_transaction_does_what_its_parts_do() {
        let body = r#"{"TransactItems":[
            {"Put":{"TableName":"a","Item":{"k":{"S":"v"}}}},
            {"ConditionCheck":{"TableName":"b","Key":{}}}]}"#;
        assert_eq!(
            does("TransactWriteItems", body),
            pairs(&[("PutItem", "a"), ("ConditionCheckItem", "b")])
        );
    }

    #[test]
    fn a_batch_is_about_each_of_its_tables() {
        let body = r#"{"RequestItems":{"a":{"Keys":[]},"b":{"Keys":[]}}}"#;
        assert_eq!(
            does("BatchGetItem", body),
            pairs(&[("BatchGetItem", "a"), ("BatchGetItem", "b")])
        );
    }

    #[test]
    fn statements_have_actions_of_their_own() {
        let insert = r#"{"Statement":"INSERT INTO \"a\" VALUE {}"}"#;
        assert_eq!(
            does("ExecuteStatement", insert),
            pairs(&[("PartiQLInsert", "a")])
        );
        let many = format!(r#"{{"Statements":[{insert},{insert}]}}"#);
        assert_eq!(
            does("BatchExecuteStatement", &many),
            pairs(&[("PartiQLInsert", "a")])
        );
        let transaction = format!(r#"{{"TransactStatements":[{insert}]}}"#);
        assert_eq!(
            does("ExecuteTransaction", &transaction),
            pairs(&[("PartiQLInsert", "a")])
        );
    }
}
