//! What a row tells after its next write.

use crate::{
    aws::clock,
    data_table::{
        item_limits::exceeded_together,
        row::Row,
        telling::{Change, Image, Telling},
    },
};
use rewind::{Cause, Changed, Projection, Rejection};
use serde_json::Value;

/// What a row tells when it is written with another state, given in its stored
/// form. What it told before has to be published.
///
/// # Errors
///
/// A rejection where no event, or no item, holds both images.
pub(crate) fn next(
    projection: &Projection,
    key: &str,
    row: &Row,
    state: Option<&Value>,
    cause: &Cause,
) -> Result<Telling, Rejection> {
    if projection.feed.is_none() {
        // The code tells no more: whoever tells again finds out what was told.
        return Ok(Telling::Nobody);
    }
    let Some(old) = told(row) else {
        return Ok(row.telling.clone());
    };
    let id = clock::id();
    let changed = Changed {
        id: &id,
        key,
        old: old.row.as_ref(),
        new: state,
        cause,
    };
    if projection.change(&changed)?.is_none() {
        return Ok(Telling::Told);
    }
    match exceeded_together(old.row.as_ref(), state) {
        Some(unfit) => Err(unfit),
        None => Ok(Telling::Change(Change {
            id,
            old,
            cause: cause.clone(),
        })),
    }
}

/// What was told of a row last, by a row that tells.
pub(super) fn told(row: &Row) -> Option<Image> {
    match &row.telling {
        Telling::Nobody | Telling::Elsewhere(_) => None,
        Telling::Told | Telling::Change(_) => Some(Image {
            row: row.state.clone(),
        }),
        Telling::Behind(image) => Some(image.clone()),
    }
}
