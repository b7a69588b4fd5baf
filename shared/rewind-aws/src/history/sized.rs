//! Folds whose rows have to fit an item of the data store.

use super::subject::Subject;
use crate::data_table::item_limits::exceeded;
use rewind::{Change, Folded};
use serde_json::Value;

/// Folds changes into a row that has to fit an item.
pub(crate) fn fold_sized(
    subject: Subject<'_>,
    row: Option<&Value>,
    changes: &[Change<'_>],
) -> Folded {
    let folded = subject.projection.fold(subject.key, row, changes);
    let Some(unfit) = folded.row.as_ref().and_then(exceeded) else {
        return folded;
    };
    match changes.split_at(changes.len() / 2) {
        ([], _) => Folded {
            row: row.cloned(),
            applied: 0,
            rejection: Some(unfit),
            fold_again: false,
        },
        // Halving finds the change that is too much.
        (first, second) => {
            let half = fold_sized(subject, row, first);
            if half.applied < first.len() {
                return half;
            }
            let whole = fold_sized(subject, half.row.as_ref(), second);
            Folded {
                applied: half.applied + whole.applied,
                ..whole
            }
        }
    }
}
