//! The partition keys of the items that a request is about: what IAM calls `dynamodb:LeadingKeys`.

use std::collections::HashMap;

use dynoxide::actions::query::QueryRequest;
use dynoxide::types::AttributeValue;

use crate::permissions::partiql::{self, Operand};

type Item = HashMap<String, AttributeValue>;

/// The partition keys of items, or of their keys.
pub(super) fn of_items<'a>(
    items: impl IntoIterator<Item = &'a Item>,
    attribute: &str,
) -> Vec<String> {
    let items = items.into_iter();
    items
        .filter_map(|item| text(item.get(attribute)?))
        .collect()
}

/// The partition key that a query asks for: the side of `attribute = :value` in its key condition.
pub(super) fn of_query(query: &QueryRequest, attribute: &str) -> Option<String> {
    let condition = query.key_condition_expression.as_deref()?;
    let names = query.expression_attribute_names.as_ref();
    let is_key = |name: &str| {
        let meant = names.and_then(|names| names.get(name));
        meant.map_or(name, String::as_str) == attribute
    };
    // `AND` binds the equation of the partition key to a condition on the sort key, in any order.
    let words: Vec<&str> = condition.split_whitespace().collect();
    let equations = words.windows(3).filter(|words| words[1] == "=");
    let mut values = equations.filter_map(|words| match (words[0], words[2]) {
        (name, value) if is_key(name) => Some(value),
        (value, name) if is_key(name) => Some(value),
        _ => None,
    });
    let value = values.next()?.trim_matches(['(', ')']);
    text(query.expression_attribute_values.as_ref()?.get(value)?)
}

/// The partition keys that a statement of a table names.
pub(super) fn of_statement(
    statement: &str,
    parameters: Option<&Vec<AttributeValue>>,
    table: &str,
    attribute: &str,
) -> Vec<String> {
    if partiql::read(statement).is_none_or(|read| read.table != table) {
        return Vec::new();
    }
    let operands = partiql::operands(statement, attribute).into_iter();
    operands
        .filter_map(|operand| match operand {
            Operand::Text(text) => Some(text),
            Operand::Parameter(place) => text(parameters?.get(place)?),
        })
        .collect()
}

fn text(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text.clone()),
        _ => None,
    }
}
