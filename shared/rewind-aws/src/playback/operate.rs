//! What the operator does with playbacks and with what they have built.

use super::{
    abandon::abandon,
    player::{PlayError, Player},
    record::{self, Playback, load},
    state::State,
};
use crate::generation::{
    generations::Generations,
    lifecycle::{self, ChangeError},
};
use rewind::{Problem, Target};

impl Player {
    /// Pauses a playback: it stops after the page that it is at.
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it is not running.
    pub async fn pause(&self, id: &str) -> Result<Playback, PlayError> {
        let edit = |playback: &mut Playback| match playback.state {
            State::Paused => Ok(()),
            state if state.is_running() => {
                playback.paused = Some(state);
                playback.state = State::Paused;
                Ok(())
            }
            state => Err(state.refuses(id, "only a running one can be paused")),
        };
        self.changed(id, edit).await
    }

    /// Resumes a paused playback, or one that has died: it then needs an
    /// invocation.
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it is over.
    pub async fn resume(&self, id: &str) -> Result<Playback, PlayError> {
        let edit = |playback: &mut Playback| match playback.state {
            State::Paused => {
                let before = playback.paused.take();
                playback.state = before.unwrap_or(State::Replaying);
                Ok(())
            }
            state if state.is_running() => Ok(()),
            state => Err(state.refuses(id, "it has ended")),
        };
        let playback = self.changed(id, edit).await?;
        record::list(&self.store, id).await?;
        Ok(playback)
    }

    /// Cancels a playback. What it has built is dropped, and is to be
    /// [`swept`](Self::sweep).
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it has completed.
    pub async fn cancel(&self, id: &str) -> Result<Playback, PlayError> {
        let edit = |playback: &mut Playback| match playback.state {
            // What a failure has left behind is dropped as well.
            State::Cancelled | State::Failed => Ok(()),
            state if state.is_over() => Err(state.refuses(id, "it has ended")),
            _ => {
                playback.end(State::Cancelled);
                Ok(())
            }
        };
        let playback = self.changed(id, edit).await?;
        abandon(&self.store, &playback.request, &playback.to).await?;
        Ok(playback)
    }

    /// Lets readers see another generation of a projection, as the operator
    /// wants it: one that has caught up, or, as a rollback, the one before.
    ///
    /// # Errors
    ///
    /// A problem when the projection or the generation is not there, or not
    /// ready.
    pub async fn activate(&self, target: &Target) -> Result<Generations, PlayError> {
        self.activated(target, false).await
    }

    /// As [`activate`](Self::activate), and the rows that differ are to be told
    /// as changes: see [`Differences`](crate::project::difference::Differences).
    ///
    /// # Errors
    ///
    /// As [`activate`](Self::activate), and when the projection has no feed.
    pub async fn activate_telling(&self, target: &Target) -> Result<Generations, PlayError> {
        self.known(&target.projection)?;
        if !self.tells(target) {
            let name = &target.projection;
            let why = format!("changes of rows of {name} are not told: it has no `FEED`");
            return Err(Problem::invalid("changes", why).into());
        }
        self.activated(target, true).await
    }

    /// Whether changes of rows are told.
    pub(super) fn tells(&self, target: &Target) -> bool {
        let projection = self.service.projection(&target.projection);
        projection.is_some_and(|projection| projection.feed.is_some())
    }

    async fn activated(&self, target: &Target, tells: bool) -> Result<Generations, PlayError> {
        let name = &target.projection;
        self.known(name)?;
        let refused = |why: String| PlayError::from(Problem::new(409, "not-ready", why));
        let known = lifecycle::of(&self.store, name).await?;
        let builder = known.playback.as_deref();
        let builder = builder.filter(|_| known.building == Some(target.generation));
        let playback = match builder {
            Some(id) => record::read(&self.store, id).await?,
            None => None,
        };
        let playback = playback.map(|record| record.value);
        if let Some(playback) = &playback
            && playback.state != State::CaughtUp
        {
            let (id, state) = (&playback.id, playback.state);
            return Err(refused(format!("playback {id} of {target} is {state}")));
        }
        let activated = match tells {
            true => lifecycle::activate_telling(&self.store, target).await,
            false => lifecycle::activate(&self.store, target).await,
        };
        switched(activated, "not-ready")?;
        if let Some(playback) = playback {
            // A playback of several projections is over with the last of them.
            let mut is_over = true;
            for other in playback.targets() {
                let known = lifecycle::of(&self.store, &other.projection).await?;
                is_over &= known.building != Some(other.generation);
            }
            if is_over {
                let completed = |playback: &mut Playback| {
                    playback.end(State::Completed);
                    Ok(())
                };
                self.changed(&playback.id, completed).await?;
                record::finish(&self.store, &playback.id).await?;
            }
        }
        Ok(lifecycle::of(&self.store, name).await?)
    }

    /// Drops a generation that nobody needs any more. It is to be
    /// [`swept`](Self::sweep).
    ///
    /// # Errors
    ///
    /// A problem when it serves, is being built, or is not there.
    pub async fn drop_generation(&self, target: &Target) -> Result<Generations, PlayError> {
        self.known(&target.projection)?;
        switched(lifecycle::drop(&self.store, target).await, "not-droppable")?;
        Ok(lifecycle::of(&self.store, &target.projection).await?)
    }

    fn known(&self, projection: &str) -> Result<(), Problem> {
        match self.service.projection(projection) {
            Some(_) => Ok(()),
            None => Err(Problem::not_found(format!(
                "there is no projection {projection:?}"
            ))),
        }
    }

    async fn changed(
        &self,
        id: &str,
        edit: impl FnMut(&mut Playback) -> Result<(), Problem>,
    ) -> Result<Playback, PlayError> {
        let changed = record::change::<PlayError>(&self.store, id, edit).await?;
        let loaded = load(&self.store, id).await?;
        Ok(loaded.unwrap_or(changed.value))
    }
}

/// A refused change of generations as a problem of this type.
fn switched(outcome: Result<(), ChangeError>, problem_type: &str) -> Result<(), PlayError> {
    outcome.map_err(|error| match error {
        ChangeError::Refused(why) => Problem::new(409, problem_type, why).into(),
        ChangeError::Service(error) => error.into(),
    })
}
