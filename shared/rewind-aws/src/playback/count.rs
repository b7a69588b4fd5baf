//! Counting off: which event is the last of the first so many.

use super::{
    player::PlayError,
    playing::{Go, Playing},
};
use crate::{
    generation::lifecycle::{self, ChangeError},
    history::merged::{Advanced, Merged},
};
use rewind::{Problem, reversal::Reversal, selection::Last};

/// How counting ended.
enum Counted {
    /// The last event that counts.
    Off(Last),
    /// It did not come to an end.
    Not(Go),
}

impl Playing<'_> {
    /// Finds the last event that a `count` reaches, over all partitions in
    /// recorded order, and saves it. Reversals of counted events come along
    /// uncounted.
    pub(super) async fn count(&self) -> Result<Go, PlayError> {
        if self.settled() < self.until {
            // What lands behind would be sent in the place of the last ones.
            let go = self.settle().await?;
            if go != Go::On {
                return Ok(go);
            }
        }
        let last = match self.count_off().await? {
            Counted::Off(last) => last,
            Counted::Not(Go::OutOfTime) => {
                // It would take as long the next time.
                let why = "counting takes longer than an invocation: narrow the range";
                self.fail(why.to_string()).await?;
                return Ok(Go::Stopped);
            }
            Counted::Not(go) => return Ok(go),
        };
        let go = self.save(|playback| playback.request.what.last = Some(last.clone()));
        if go.await? != Go::On {
            return Ok(Go::Stopped);
        }
        let playback = self.playback().await;
        let of = &playback.request.what;
        for target in playback.targets().filter(|_| !playback.request.dry_run) {
            match lifecycle::describe_part(&self.player.store, target, of).await {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => {
                    return Err(Problem::new(409, "not-now", why).into());
                }
                Err(ChangeError::Service(error)) => return Err(error.into()),
            }
        }
        Ok(Go::On)
    }

    async fn count_off(&self) -> Result<Counted, PlayError> {
        let what = &self.request.what;
        let partitions = self.partitions().await.into_keys();
        let mut merged = Merged::new(&self.player.events, partitions, what, self.until);
        let mut left = what.count.unwrap_or(u64::MAX);
        let mut last = Last {
            position: 0,
            stream: None,
        };
        while left > 0 {
            match merged.advance().await? {
                Advanced::End => break,
                Advanced::Event(event) if Reversal::is_one(&event) => {}
                Advanced::Event(event) => {
                    left -= 1;
                    last = Last {
                        position: event.position,
                        stream: Some(event.event.stream),
                    };
                }
                Advanced::Read => {
                    if !self.has_time() {
                        return Ok(Counted::Not(Go::OutOfTime));
                    }
                    if self.beat(|_| {}).await? == Go::Stopped {
                        return Ok(Counted::Not(Go::Stopped));
                    }
                }
            }
        }
        Ok(Counted::Off(last))
    }
}
