//! Items of both tables: reading many at once, and reading their attributes.

use crate::{Error, aws::retry};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use std::collections::HashMap;

/// An item of a table or of an index.
pub type Item = HashMap<String, AttributeValue>;

/// Keys in one BatchGetItem call (AWS documentation).
const MAX_KEYS: usize = 100;

/// About how many bytes a value takes: those of its texts, numbers and names.
pub(crate) fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::L(values) => values.iter().map(|value| 1 + bytes_of(value)).sum(),
        AttributeValue::M(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| 1 + name.len() + bytes_of(value))
                .sum()
        }
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 1,
    }
}

/// The items at these keys, strongly consistent, in any order; of each only the
/// attributes named in `only`, or all where none is named. What DynamoDB leaves unprocessed
/// is asked for again.
pub(crate) async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    only: &[&str],
) -> Result<Vec<Item>, Error> {
    // Names of attributes may be words that DynamoDB keeps for itself.
    let names = only
        .iter()
        .map(|name| (format!("#{name}"), (*name).to_string()));
    let names: HashMap<String, String> = names.collect();
    let shown = names.keys().cloned().collect::<Vec<_>>().join(", ");
    let shown = Some(shown).filter(|shown| !shown.is_empty());
    let names = Some(names).filter(|names| !names.is_empty());
    let mut items = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_KEYS) {
        let mut wanted = chunk.to_vec();
        let mut attempt = 0;
        while !wanted.is_empty() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .set_projection_expression(shown.clone())
                .set_expression_attribute_names(names.clone())
                .consistent_read(true)
                .build()
                .map_err(Error::service("BatchGetItem"))?;
            let answer = client.batch_get_item();
            let answer = answer.request_items(table, request).send().await;
            let mut answer = answer.map_err(Error::call("BatchGetItem"))?;
            let found = answer.responses.as_mut();
            let found = found.and_then(|tables| tables.remove(table));
            let found = found.unwrap_or_default();
            attempt = if found.is_empty() { attempt + 1 } else { 0 };
            items.extend(found);
            let rest = answer.unprocessed_keys.as_mut();
            if let Some(rest) = rest.and_then(|tables| tables.remove(table)) {
                wanted = rest.keys;
                if attempt > retry::ATTEMPTS {
                    return Err(Error::Service {
                        operation: "BatchGetItem",
                        reason: format!("{} keys stay unprocessed", wanted.len()),
                    });
                }
                retry::wait(attempt).await;
            }
        }
    }
    Ok(items)
}

/// A text attribute of an item.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> Result<&'a str, Error> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or_else(|| Error::damaged(described(item), format!("`{name}` is no text")))
}

/// A whole number of an item.
pub(crate) fn number(item: &Item, name: &str) -> Result<u64, Error> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::damaged(described(item), format!("`{name}` is no whole number")))
}

/// An item by its keys: never by its payload.
fn described(item: &Item) -> String {
    let keys = ["stream", "version", "pk", "sk"];
    let keys = keys.iter().filter_map(|name| match item.get(*name)? {
        AttributeValue::S(text) => Some(text.as_str()),
        AttributeValue::N(digits) => Some(digits.as_str()),
        _ => None,
    });
    format!("item {}", keys.collect::<Vec<_>>().join("/"))
}
