//! Counting off: which event is the last of the first so many.

use super::player::{HEARTBEAT, PlayError, Playback, Player, State};
use crate::{
    aws::clock::now,
    generation::lifecycle::{self, ChangeError},
    history::merged::{Advanced, Merged},
};
use rewind::{Problem, Selection, StreamName, reversal::Reversal, selection::Last};
use std::time::Instant;

/// How counting ended.
enum Counted {
    /// The last event that counts, where there is any.
    Off(Option<Last>),
    /// The operator has stopped it, or somebody else plays.
    Stopped,
    /// The deadline came first.
    OutOfTime,
}

impl Player {
    /// Finds the last event that a `count` reaches, over all partitions in recorded
    /// order, and saves it. Reversals of counted events come along uncounted.
    /// Where the playback does not go on, says how it stands.
    pub(super) async fn count(
        &self,
        playback: &Playback,
        deadline: Instant,
    ) -> Result<Option<Playback>, PlayError> {
        let last = match self.count_off(playback, deadline).await? {
            Counted::Off(last) => last,
            Counted::Stopped => return Ok(Some(self.change(&playback.id, |_| Ok(())).await?.0)),
            Counted::OutOfTime => {
                // It would take as long the next time.
                let failed = self.change(&playback.id, |playback| {
                    playback.state = State::Failed;
                    let why = "counting takes longer than an invocation: narrow the range";
                    playback.reason = Some(why.to_string());
                    playback.ended = Some(now());
                    Ok(())
                });
                let (failed, _) = failed.await?;
                self.abandon(&failed.request, &failed.to).await?;
                return Ok(Some(failed));
            }
        };
        // Where there is none at all, nothing has a position of 0.
        let nothing = || {
            let stream = StreamName::new("none-0").ok()?;
            let position = 0;
            Some(Last { position, stream })
        };
        let last = last.or_else(nothing);
        let changed = self.change(&playback.id, |playback| {
            if playback.state == State::Replaying {
                playback.request.what.last = last.clone();
            }
            Ok(())
        });
        let (playback, _) = changed.await?;
        if playback.state != State::Replaying {
            return Ok(Some(playback));
        }
        let of: &Selection = &playback.request.what;
        for target in playback.targets().filter(|_| !playback.request.dry_run) {
            match lifecycle::describe_part(&self.store, target, of).await {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => {
                    return Err(Problem::new(409, "not-now", why).into());
                }
                Err(ChangeError::Service(error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    async fn count_off(
        &self,
        playback: &Playback,
        deadline: Instant,
    ) -> Result<Counted, PlayError> {
        let what = &playback.request.what;
        let partitions = playback.partitions.keys().cloned();
        let mut merged = Merged::new(&self.events, partitions, what, playback.until);
        let mut left = what.count.unwrap_or(u64::MAX);
        let mut last = None;
        let mut last_heard = Instant::now();
        while left > 0 {
            match merged.advance().await? {
                Advanced::End => break,
                Advanced::Event(event) if Reversal::is_one(&event) => {}
                Advanced::Event(event) => {
                    left -= 1;
                    let (position, stream) = (event.position, event.event.stream);
                    last = Some(Last { position, stream });
                }
                Advanced::Read => {
                    if Instant::now() > deadline {
                        return Ok(Counted::OutOfTime);
                    }
                    if last_heard.elapsed() > HEARTBEAT {
                        last_heard = Instant::now();
                        let (now, _) = self.change(&playback.id, |_| Ok(())).await?;
                        if now.state != State::Replaying || now.player != playback.player {
                            return Ok(Counted::Stopped);
                        }
                    }
                }
            }
        }
        Ok(Counted::Off(last))
    }
}
