//! Transactions: several writes of the data store together, or none.

use super::{
    data_store::{DataStore, expire},
    key::Key,
    row::{CONDITION, Row, UNCHANGED, Written, item_of},
};
use crate::Error;
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem},
};
use jiff::Timestamp;

/// Items in one transaction (AWS documentation).
pub const MAX_TRANSACTION_ITEMS: usize = 100;

/// The most bytes that a transaction of Rewind's writes. The limit is 4 MB.
pub const MAX_TRANSACTION_BYTES: usize = 3_500_000;

/// A write of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A row, if nobody has written it since `seen`: as [`DataStore::put`] does.
    Put {
        /// Where it lies.
        key: Key,
        /// What it is to be.
        row: Row,
        /// The revision that was read; 0 where there was none.
        seen: u64,
    },
    /// A report, whatever stands there.
    Replace {
        /// Where it lies.
        key: Key,
        /// What it is to be.
        row: Row,
        /// When the table may delete it; `None` where it stays.
        expires: Option<Timestamp>,
    },
    /// The end of a report, where there is one.
    Delete {
        /// Where it lies.
        key: Key,
    },
    /// The end of a row, if nobody has written it since `seen`.
    Remove {
        /// Where it lies.
        key: Key,
        /// The revision that was read.
        seen: u64,
    },
}

impl DataStore {
    /// Writes together, or nothing at all.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn write_together(&self, writes: &[Write]) -> Result<Written, Error> {
        let items = writes.iter().map(|write| {
            let item = TransactWriteItem::builder();
            Ok(match write {
                Write::Put { key, row, seen } => {
                    let put = Put::builder()
                        .table_name(&self.table)
                        .set_item(Some(item_of(key, row, seen + 1)?))
                        .condition_expression(CONDITION)
                        .expression_attribute_names("#r", "revision")
                        .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
                        .expression_attribute_values(":none", AttributeValue::N("0".into()));
                    item.put(put.build().map_err(Error::service("TransactWriteItems"))?)
                }
                Write::Replace { key, row, expires } => {
                    let mut replaced = item_of(key, row, row.revision)?;
                    expire(&mut replaced, *expires);
                    let put = Put::builder().table_name(&self.table);
                    let put = put.set_item(Some(replaced));
                    item.put(put.build().map_err(Error::service("TransactWriteItems"))?)
                }
                Write::Remove { key, seen } => {
                    let delete = Delete::builder()
                        .table_name(&self.table)
                        .set_key(Some(key.item()))
                        .condition_expression(UNCHANGED)
                        .expression_attribute_names("#r", "revision")
                        .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()));
                    item.delete(
                        delete
                            .build()
                            .map_err(Error::service("TransactWriteItems"))?,
                    )
                }
                Write::Delete { key } => {
                    let delete = Delete::builder().table_name(&self.table);
                    let delete = delete.set_key(Some(key.item())).build();
                    item.delete(delete.map_err(Error::service("TransactWriteItems"))?)
                }
            }
            .build())
        });
        let items = items.collect::<Result<Vec<_>, Error>>()?;
        let request = self.client.transact_write_items();
        let answer = request.set_transact_items(Some(items)).send().await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(error)) if is_contended(error.err()) => Ok(Written::Stale),
            Err(SdkError::ServiceError(error)) if is_cancelled(error.err()) => {
                Err(cancelled(error.err()))
            }
            Err(error) => Err(Error::call("TransactWriteItems")(error)),
        }
    }
}

/// The reasons of a cancelled transaction; none where it failed otherwise.
fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// Whether a transaction was cancelled because others have written, or write
/// at the same moment. Both are settled by reading again.
fn is_contended(error: &TransactWriteItemsError) -> bool {
    let mut codes = reasons(error).iter().filter_map(CancellationReason::code);
    codes.any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
}

fn is_cancelled(error: &TransactWriteItemsError) -> bool {
    matches!(
        error,
        TransactWriteItemsError::TransactionCanceledException(_)
    )
}

/// Why a transaction was cancelled: for good where one of its items is refused
/// for what it holds.
fn cancelled(error: &TransactWriteItemsError) -> Error {
    let operation = "TransactWriteItems";
    let told = reasons(error).iter().find_map(|reason| {
        let code = reason.code().filter(|code| *code != "None")?;
        let words = format!("{code}: {}", reason.message().unwrap_or_default());
        Some((
            matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded"),
            words,
        ))
    });
    match told {
        Some((true, reason)) => Error::Rejected { operation, reason },
        Some((false, reason)) => Error::Service { operation, reason },
        None => Error::Service {
            operation,
            reason: "cancelled without a reason".into(),
        },
    }
}
