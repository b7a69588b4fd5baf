//! Plays a playback, from where it was saved.

use super::{
    player::{Ended, PlayError, Player},
    playing::{Go, Playing},
    record,
    sending::Sending,
    state::State,
};
use std::time::Instant;

impl Player {
    /// Plays a saved playback until it is over, or until shortly before
    /// `deadline`. Another invocation that plays it stops.
    ///
    /// # Errors
    ///
    /// When there is none of this id, or a service fails: what is saved stays,
    /// and another call goes on.
    pub async fn play(&self, id: &str, deadline: Instant) -> Result<Ended, PlayError> {
        self.play_counted(id, deadline, &Sending::default()).await
    }

    /// Plays as [`play`](Self::play) does, and counts in `sending` what this
    /// invocation sends, also where it fails in the end.
    ///
    /// # Errors
    ///
    /// As [`play`](Self::play).
    pub async fn play_counted(
        &self,
        id: &str,
        deadline: Instant,
        sending: &Sending,
    ) -> Result<Ended, PlayError> {
        let mut run = Playing::begin(self, id, deadline, sending).await?;
        let mut go = match run.state().await.is_running() {
            true => run.prepare().await?,
            false => {
                run.read_progress().await?;
                Go::Stopped
            }
        };
        while go == Go::On {
            go = match run.state().await {
                State::Replaying if run.playback().await.is_to_be_counted() => {
                    let counted = run.count().await?;
                    if counted == Go::On {
                        // From here on it sends up to what was counted off.
                        run = Playing::begin(self, id, deadline, sending).await?;
                        run.read_progress().await?;
                    }
                    counted
                }
                State::Replaying => {
                    let since = Instant::now();
                    let replayed = run.replay().await;
                    sending.took(since.elapsed());
                    replayed?
                }
                State::CatchingUp => run.catch_up().await?,
                State::CarryingOut => run.carry_out().await?,
                _ => Go::Stopped,
            };
        }
        let mut playback = Box::new(run.playback().await);
        if playback.state.is_over() {
            let sent = playback.sent();
            record::finish(&self.store, id).await?;
            playback.total.get_or_insert(sent);
        }
        Ok(match go {
            Go::OutOfTime => Ended::Unfinished(playback),
            Go::On | Go::Stopped => Ended::Over(playback),
        })
    }
}
