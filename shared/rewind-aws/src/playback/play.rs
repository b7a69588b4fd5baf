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
        let go = match run.go_on(deadline).await {
            Err(PlayError::Service(error)) => {
                run.note_failure(&error).await;
                return Err(error.into());
            }
            go => go?,
        };
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

impl Playing<'_> {
    /// Goes on with the playback, step by step.
    async fn go_on(&mut self, deadline: Instant) -> Result<Go, PlayError> {
        let mut go = match self.state().await.is_running() {
            true => self.prepare().await?,
            false => {
                self.read_progress().await?;
                Go::Stopped
            }
        };
        while go == Go::On {
            go = match self.state().await {
                State::Replaying if self.playback().await.is_to_be_counted() => {
                    let counted = self.count().await?;
                    if counted == Go::On {
                        // From here on it sends up to what was counted off.
                        let (player, sending) = (self.player, self.sending);
                        *self = Playing::begin(player, &self.replay.id, deadline, sending).await?;
                        self.read_progress().await?;
                    }
                    counted
                }
                State::Replaying => {
                    let since = Instant::now();
                    let replayed = self.replay().await;
                    self.sending.took(since.elapsed());
                    replayed?
                }
                State::CatchingUp => self.catch_up().await?,
                State::CarryingOut => self.carry_out().await?,
                _ => Go::Stopped,
            };
        }
        Ok(go)
    }
}
