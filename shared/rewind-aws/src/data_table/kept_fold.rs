//! Folds that are kept while they are under way: a row that is folded from its
//! first event on may take longer than one invocation.
//!
//! A kept fold lies beside its row, in a partition of its own, and says what it
//! is the fold of. It is no truth: who finds none folds from the first event.

use super::{data_store::DataStore, key::Key};
use crate::{
    Error,
    aws::item::{number, string},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::Target;
use serde_json::Value;
use std::collections::HashMap;

/// A fold that is not at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptFold {
    /// The row so far.
    pub state: Option<Value>,
    /// Up to which version it holds its stream.
    pub watermark: u64,
    /// What it is the fold of.
    pub of: String,
}

impl Key {
    /// The kept fold of a row.
    pub(crate) fn kept_fold(target: &Target, key: &str) -> Self {
        Self {
            pk: kept_folds(target),
            sk: key.to_string(),
        }
    }
}

/// The partition of a generation's kept folds.
pub(crate) fn kept_folds(target: &Target) -> String {
    format!("rewind#folds/{target}")
}

impl DataStore {
    /// The kept fold at a key, where there is one, strongly consistent.
    pub(crate) async fn kept_fold(&self, key: &Key) -> Result<Option<KeptFold>, Error> {
        let items = self.batch_get(std::slice::from_ref(key), &[]).await?;
        let Some(mut item) = items.into_iter().next() else {
            return Ok(None);
        };
        let (watermark, of) = (
            number(&item, "watermark")?,
            string(&item, "of")?.to_string(),
        );
        let state = item.remove("state").map(serde_dynamo::from_attribute_value);
        let state = state.transpose().map_err(|error| {
            let what = format!("kept fold {}/{}", key.pk, key.sk);
            Error::damaged(what, error)
        })?;
        Ok(Some(KeptFold {
            state,
            watermark,
            of,
        }))
    }

    /// Keeps a fold, whatever stands there: what it says is so whoever wrote it.
    pub(crate) async fn keep_fold(&self, key: &Key, fold: &KeptFold) -> Result<(), Error> {
        let mut item = HashMap::from([
            ("pk".to_string(), AttributeValue::S(key.pk.clone())),
            ("sk".to_string(), AttributeValue::S(key.sk.clone())),
            (
                "watermark".to_string(),
                AttributeValue::N(fold.watermark.to_string()),
            ),
            ("of".to_string(), AttributeValue::S(fold.of.clone())),
        ]);
        if let Some(state) = &fold.state {
            let state = serde_dynamo::to_attribute_value(state);
            let state = state.map_err(|error| Error::Rejected {
                operation: "keeping a fold",
                reason: error.to_string(),
            })?;
            item.insert("state".to_string(), state);
        }
        let request = self.client.put_item().table_name(&self.table);
        let answer = request.set_item(Some(item)).send().await;
        answer.map(drop).map_err(Error::call("PutItem"))
    }
}
