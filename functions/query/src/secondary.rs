//! `GET /projections/{name}?by=NAME&value=VALUE`: rows by their projection's
//! secondary key.
//!
//! The index names the rows, and may lag; the rows themselves are read strongly
//! consistent, so that no answer has one that has lost the value since.

use crate::{
    cursor,
    rows::{MAX_PAGES, Rows, continued, page_of},
    shown::shown,
    sources::{Fitting, Sources, Unanswered},
};
use rewind::{MAX_ROW_KEY, MAX_SECONDARY_KEY, Problem, Projection};
use rewind_aws::aws::http::{self, Parameters, Response, bad_parameter};
use serde::{Deserialize, Serialize};

/// Rows that are read together: one request takes so many, and memory holds them.
const KEYS_AT_ONCE: usize = 100;

/// Where a page ended.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowAt {
    generation: u64,
    after: Option<String>,
}

/// The value of the secondary key that a request asks for, where it asks for one.
///
/// # Errors
///
/// A problem that says what was expected.
pub(crate) fn asked<'a>(
    projection: &Projection,
    parameters: &'a Parameters,
) -> Result<Option<&'a str>, Problem> {
    let (by, value) = match (parameters.text("by"), parameters.text("value")) {
        (None, None) => return Ok(None),
        (Some(by), Some(value)) => (by, value),
        (None, Some(_)) => {
            return Err(bad_parameter(
                "value",
                "is of a secondary key: expected `by`",
            ));
        }
        (Some(_), None) => return Err(bad_parameter("by", "expected `value` beside it")),
    };
    let name = projection.name;
    match &projection.secondary_key {
        Some(key) if key.name == by => {}
        Some(key) => {
            let why = format!(
                "expected {:?}: rows of {name} are found by nothing else",
                key.name
            );
            return Err(bad_parameter("by", why));
        }
        None => {
            let why = format!("{name} declares no secondary key");
            return Err(bad_parameter("by", why));
        }
    }
    if !(1..=MAX_SECONDARY_KEY).contains(&value.len()) {
        let why = format!("expected 1 to {MAX_SECONDARY_KEY} bytes: no row has another value");
        return Err(bad_parameter("value", why));
    }
    Ok(Some(value))
}

impl Sources {
    /// A page of the rows that have this value of the secondary key, by key.
    pub(crate) async fn rows_by(
        &self,
        projection: &Projection,
        parameters: &Parameters,
        value: &str,
    ) -> Result<Response, Unanswered> {
        let (limit, prefix) = page_of(parameters)?;
        let question = ["projections", projection.name, prefix, "by", value];
        let place = cursor::decode::<RowAt>(parameters, &question)?;
        let target = self.target(projection, parameters).await?;
        let mut after = None;
        if let Some(place) = place {
            continued(place.generation, &target, parameters)?;
            let fits =
                |key: &String| (1..=MAX_ROW_KEY).contains(&key.len()) && key.starts_with(prefix);
            after = place.after;
            if !after.as_ref().is_some_and(fits) {
                return Err(cursor::unfit().into());
            }
        }
        let mut rows = Fitting::default();
        let mut is_more = true;
        'listing: for _ in 0..MAX_PAGES {
            let missing = KEYS_AT_ONCE.min(limit - rows.items.len());
            let (from, most) = (after.as_deref(), missing as i32);
            let page = self.store.list_by(&target, value, prefix, from, most);
            let (keys, next) = page.await?;
            let mut found = self.store.rows(&keys).await?;
            for key in keys {
                let row = found.remove(&key);
                let row = row.filter(|row| row.secondary.as_deref() == Some(value));
                let place = format!("row {}/{}", key.pk, key.sk);
                if let Some(row) = row
                    && let Some(shown) = shown(projection, key.sk.clone(), row)
                    && !rows.take(&shown, || place)?
                {
                    break 'listing;
                }
                after = Some(key.sk);
            }
            is_more = next.is_some();
            if !is_more || rows.items.len() >= limit {
                break;
            }
            after = next;
        }
        let generation = target.generation;
        Ok(http::json(
            200,
            &Rows {
                projection: projection.name,
                generation,
                rows: rows.items,
                next: is_more.then(|| cursor::encode(&question, &RowAt { generation, after })),
            },
        ))
    }
}
