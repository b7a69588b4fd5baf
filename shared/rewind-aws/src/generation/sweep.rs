//! Deletes what dropped generations have left.

use super::{
    generations::{Generations, SETTLED},
    lifecycle::{ChangeError, change, target},
};
use crate::{
    Error,
    aws::clock::now,
    data_table::{data_store::DataStore, kept_fold::kept_folds, key, stall},
};
use std::collections::HashMap;

/// Deletes the rows, the checkpoints and the reports of all dropped generations of
/// the projections in `known`. `has_time` is asked before each of their
/// partitions; `false` says that it ended early.
///
/// # Errors
///
/// When DynamoDB fails; what is deleted stays deleted, and repeating it goes
/// on.
pub async fn sweep(
    store: &DataStore,
    known: &HashMap<String, Generations>,
    has_time: impl Fn() -> bool,
) -> Result<bool, Error> {
    for (projection, generations) in known {
        for (generation, dropped) in &generations.dropped {
            let target = target(projection, *generation);
            let rows = key::row_partitions(&target);
            for partition in rows.chain(key::checkpoint_partitions(&target.to_string())) {
                if !has_time() {
                    return Ok(false);
                }
                store.delete_partition(&partition, "").await?;
            }
            store.delete_partition(&kept_folds(&target), "").await?;
            stall::clear_all(store, &target.to_string()).await?;
            if now().duration_since(*dropped) < SETTLED {
                // A batch that began before may still write to it: it is swept
                // once more.
                continue;
            }
            let swept = change(store, projection, |known| {
                known.dropped.remove(generation);
                Ok(())
            });
            if let Err(ChangeError::Service(error)) = swept.await {
                return Err(error);
            }
            tracing::info!(%target, "swept");
        }
    }
    Ok(true)
}
