//! Dropping the generations that a playback was to build.

use super::request::Request;
use crate::{
    Error,
    data_table::data_store::DataStore,
    generation::lifecycle::{self, ChangeError},
};
use rewind::Receiver;

/// Drops the generations that a playback was to build. Those that were there
/// before it stay.
pub(super) async fn abandon(
    store: &DataStore,
    request: &Request,
    to: &[Receiver],
) -> Result<(), Error> {
    for target in to.iter().filter_map(Receiver::target) {
        if request.dry_run || request.is_aimed_at(target) {
            continue;
        }
        match lifecycle::abandon(store, target).await {
            Ok(()) => {}
            Err(ChangeError::Refused(why)) => tracing::warn!(%target, why, "not abandoned"),
            Err(ChangeError::Service(error)) => return Err(error),
        }
    }
    Ok(())
}
