//! A deployment that a verb has opened: its domain, its clients, and what
//! several verbs do with them.

use super::{ask, names::Part, objects::Objects};
use crate::end::{End, Outcome};
use ::playback::Task;
use rewind::{Projection, Service, StreamName};
use rewind_aws::{
    Error,
    aws::{lambda::Function, producer::Stream},
    data_table::{data_store::DataStore, key::Key},
    event_table::event_store::EventStore,
    playback::{operations::What, player::Player},
};

/// A deployment: its domain and its clients.
pub struct Deployment {
    /// The domain that is deployed.
    pub service: Service,
    /// The events table.
    pub events: EventStore,
    /// The data store.
    pub store: DataStore,
    /// The stream of recorded events.
    pub published: Stream,
    /// The stream of accepted events.
    pub incoming: Stream,
    /// The replay stream.
    pub replay: Stream,
    /// The playback function.
    pub playback: Function,
    /// Where the batches are that triggers have given up on.
    pub letters: Objects,
    /// The deployment in words, for the question before a change; `None` where
    /// nothing is asked.
    pub(super) described: Option<String>,
}

impl Deployment {
    /// Returns the projection of this name.
    ///
    /// # Errors
    ///
    /// When the domain has none.
    pub fn projection(&self, name: &str) -> Result<&Projection, End> {
        self.service.projection(name).ok_or_else(|| {
            let known = self.service.projections().iter();
            let known: Vec<&str> = known.map(|projection| projection.name).collect();
            let known = known.join(", ");
            End::Wrong(format!(
                "no projection is named {name:?}; there are {known}"
            ))
        })
    }

    /// Checks that a table exists and answers. The first call checks the other
    /// parts.
    pub(super) async fn answers(&self, part: Part) -> Result<(), Error> {
        match part {
            Part::EventsTable => {
                let nobody = StreamName::of("none", "0");
                let nobody = nobody.map_err(|bad| Error::Damaged {
                    what: "a name".into(),
                    reason: bad.to_string(),
                })?;
                self.events.head(&nobody).await.map(drop)
            }
            Part::DataTable => {
                let nothing = Key {
                    pk: "rewind#none".into(),
                    sk: "0".into(),
                };
                self.store.get(&nothing).await.map(drop)
            }
            Part::EventsStream
            | Part::IncomingStream
            | Part::ReplayStream
            | Part::PlaybackFunction
            | Part::DeadLetterBucket => Ok(()),
        }
    }

    /// Returns the player, which creates and changes playbacks.
    pub fn player(&self) -> Player {
        Player::new(
            self.service.clone(),
            self.events.clone(),
            self.store.clone(),
            self.replay.clone(),
        )
    }

    /// Notes what the operator has done, for `GET /operations`. Where that fails,
    /// the log says so, and the operation stands.
    pub async fn note(&self, what: What, about: &str) {
        self.player().note(what, about, operator()).await;
    }

    /// Invokes the playback function with a task, and does not wait for its
    /// end.
    ///
    /// # Errors
    ///
    /// When the function cannot be invoked.
    pub async fn invoke_playback(&self, task: &Task) -> Outcome {
        let invoked = self.playback.invoke_later(task).await;
        invoked.map_err(|error| {
            let before = "the change is saved, and the schedule of the deployment continues the work within a minute, but the playback function could not be invoked now: ";
            End::Service(before.into(), error.to_string())
        })
    }

    /// Before a change on AWS or in a stack: names the deployment and asks
    /// whether to do `what`, such as `drop carts@2`, unless `yes` answers already.
    ///
    /// # Errors
    ///
    /// When the answer is no, or standard input is no terminal.
    pub fn confirm(&self, what: &str, yes: bool) -> Outcome {
        match self.described {
            Some(_) => self.confirm_anywhere(what, yes),
            None => Ok(()),
        }
    }

    /// As [`confirm`](Self::confirm), wherever the deployment is.
    ///
    /// # Errors
    ///
    /// As [`confirm`](Self::confirm).
    pub fn confirm_anywhere(&self, what: &str, yes: bool) -> Outcome {
        ask::confirmed(self.described.as_deref(), what, yes)
    }
}

/// Who calls the verbs, where the environment says so.
pub fn operator() -> Option<String> {
    std::env::var("USER").ok().filter(|name| !name.is_empty())
}
