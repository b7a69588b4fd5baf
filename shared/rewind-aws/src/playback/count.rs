//! Counting off: which event is the last of the first so many.

use super::{PlayError, Playback, Player};
use crate::{
    generations::{self, ChangeError},
    lanes::Merged,
};
use rewind::{Selection, StreamName, reversal::Reversal, selection::Last};
use std::time::Instant;

/// How many events go by between two looks at the clock.
const LOOK: u64 = 1000;

impl Player {
    /// Finds the last event that a `count` reaches, over all lanes in recorded
    /// order, and saves it. Reversals of counted events come along uncounted.
    /// `false` when the deadline came first: then it is counted again.
    pub(super) async fn count(
        &self,
        playback: &Playback,
        deadline: Instant,
    ) -> Result<bool, PlayError> {
        let what = &playback.request.what;
        let Some(count) = what.count else {
            return Ok(true);
        };
        let lanes = playback.lanes.keys().cloned();
        let mut merged = Merged::new(&self.events, lanes, what, playback.until);
        let mut last: Option<(u64, StreamName)> = None;
        let mut counted = 0;
        while counted < count
            && let Some(event) = merged.next().await?
        {
            if Reversal::of(&event).is_some() {
                continue;
            }
            counted += 1;
            last = Some((event.position, event.event.stream));
            if counted.is_multiple_of(LOOK) && Instant::now() > deadline {
                return Ok(false);
            }
        }
        // Where there is none at all, nothing has a position of 0.
        let last = match (last, playback.lanes.keys().next()) {
            (Some((position, stream)), _) => Some(Last { position, stream }),
            (None, Some(_)) => StreamName::new("none-0").ok().map(|stream| Last {
                position: 0,
                stream,
            }),
            (None, None) => None,
        };
        let changed = self.change(&playback.id, |playback| {
            playback.request.what.last = last.clone();
            Ok(())
        });
        let (playback, _) = changed.await?;
        let of: &Selection = &playback.request.what;
        for target in playback.targets().filter(|_| !playback.request.dry_run) {
            let Some(projection) = self.service.projection(&target.projection) else {
                continue;
            };
            let begun = generations::begin_part(&self.store, projection, &playback.id, of);
            if let Err(ChangeError::Service(error)) = begun.await {
                return Err(error.into());
            }
        }
        Ok(true)
    }
}
