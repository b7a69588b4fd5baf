//! What the schedule does every minute: finds playbacks that nobody plays, and
//! deletes what ended ones and dropped generations have left.

use super::{
    player::Player,
    record::{self, Playback},
};
use crate::{
    Error,
    generation::{lifecycle, sweep},
};
use std::time::{Duration, Instant};

/// How long the record of a playback may stay unwritten before its invocation
/// is taken for dead. An invocation writes it every second.
const LEASE: Duration = Duration::from_secs(10);

impl Player {
    /// The playbacks that should be at work and whose invocation has died: each
    /// needs another one. Those that have ended are not read.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn orphaned(&self) -> Result<Vec<String>, Error> {
        let unfinished = record::unfinished(&self.store).await?.into_iter();
        let orphaned = unfinished.filter(|playback| playback.state.is_running());
        let orphaned = orphaned.filter(is_silent);
        Ok(orphaned.map(|playback| playback.id).collect())
    }

    /// Deletes the progress of ended playbacks whose invocation did not, and
    /// what dropped generations have left. `false` when the deadline came first.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails; repeating it goes on.
    pub async fn sweep(&self, deadline: Instant) -> Result<bool, Error> {
        for playback in record::unfinished(&self.store).await? {
            if playback.state.is_over() && is_silent(&playback) {
                record::finish(&self.store, &playback.id).await?;
            }
        }
        let known = lifecycle::all(&self.store).await?;
        sweep::sweep(&self.store, &known, || Instant::now() < deadline).await
    }
}

fn is_silent(playback: &Playback) -> bool {
    playback.silence().unsigned_abs() > LEASE && playback.silence().is_positive()
}
