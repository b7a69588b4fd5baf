//! Processes at work, their types taken away.
//!
//! An instance is a fold of its journal, one stream of Rewind's own. For each
//! event that is taken, the journal has one run of events, recorded together:
//! the event itself, as `event-taken`, and then what the process does about it.
//! A deadline that is reached has such a run as well. What is done is read from
//! the journal and never from a fold, so a rebuild does nothing again.

mod act;
mod correct;
mod instance;
mod issue;
mod journal;
mod reconsider;

use super::{known::Known, panics::guarded, reaction::is_name, state::State, upcasters::Upcasters};
use crate::{
    Action, Envelope, Events, Process, Reached, RecordedEvent, Rejection, StreamName,
    reserved::PROCESS_CATEGORY, reversal::Reversal,
};
pub use instance::{Due, Instance};
pub use reconsider::Reconsidered;
use serde_json::Value;
use std::sync::Arc;

/// A registered process.
#[derive(Debug, Clone)]
pub struct Runner {
    /// Its name.
    pub name: &'static str,
    /// The version of its state.
    pub version: u32,
    /// `process/{name}`.
    pub origin: String,
    /// The category of its journals.
    pub category: String,
    /// The categories that it watches.
    pub categories: &'static [&'static str],
    begin: fn() -> State,
    restore: fn(&Value) -> Option<State>,
    key: fn(&RecordedEvent) -> Result<Option<String>, Rejection>,
    on: fn(&mut State, &RecordedEvent) -> Done,
    reached: fn(&mut State, &Reached) -> Result<Vec<Action>, Rejection>,
    upcasters: Arc<Upcasters>,
    /// `None` in the testing kit, which has no service.
    known: Option<Arc<Known>>,
}

/// What is to be done about an event; `None` where its type is not declared.
type Done = Result<Option<Vec<Action>>, Rejection>;

impl Runner {
    pub(crate) fn new<P: Process>() -> Self {
        assert!(
            is_name(P::NAME) && !P::NAME.contains('-'),
            "a process is named with A-Z a-z 0-9 _ . only: its name is part of a category"
        );
        Self {
            name: P::NAME,
            version: P::VERSION,
            origin: format!("process/{}", P::NAME),
            category: format!("{PROCESS_CATEGORY}{}", P::NAME),
            categories: <P::Event as Events>::CATEGORIES,
            begin: || State::of(P::State::default()),
            restore: |json| {
                let state = serde_json::from_value::<P::State>(json.clone());
                state.ok().map(State::of)
            },
            key: |event| {
                let data = P::Event::read(&event.event)?;
                Ok(data.and_then(|data| P::key(&Envelope::new(event, data))))
            },
            on: |state, event| {
                let Some(data) = P::Event::read(&event.event)? else {
                    return Ok(None);
                };
                P::on(state.as_mut(), &Envelope::new(event, data)).map(Some)
            },
            reached: |state, deadline| P::reached(state.as_mut(), deadline),
            upcasters: Arc::default(),
            known: None,
        }
    }

    /// With what a service has registered.
    pub(crate) fn within(&mut self, upcasters: &Arc<Upcasters>, known: &Arc<Known>) {
        self.upcasters = upcasters.clone();
        self.known = Some(known.clone());
    }

    /// With upcasters and no service.
    pub(crate) fn lifting(&mut self, upcasters: &Arc<Upcasters>) {
        self.upcasters = upcasters.clone();
    }

    /// Whether it watches this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.contains(&category)
    }

    /// The source of all that it records.
    pub fn source(&self) -> String {
        format!("/rewind/{}", self.origin)
    }

    /// The journal of the instance that an event is about; `None` where it is
    /// about none, its type is not declared, or it is a reversal.
    ///
    /// # Errors
    ///
    /// When the event's data does not fit, or the key is empty; the process's
    /// panic.
    pub fn key(&self, event: &RecordedEvent) -> Result<Option<StreamName>, Rejection> {
        if Reversal::is_one(event) {
            return Ok(None);
        }
        let lifted = self.upcasters.lift(event)?;
        let Some(key) = guarded(|| (self.key)(&lifted))? else {
            return Ok(None);
        };
        Ok(Some(StreamName::of(&self.category, &key)?))
    }
}
