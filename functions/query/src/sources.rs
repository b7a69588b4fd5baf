//! What answers are read from, and what most questions name: a projection and
//! one of its generations.

use rewind::{Problem, Projection, Service, Target};
use rewind_aws::{
    Error,
    aws::{
        http::{Parameters, missing, weight},
        producer::Stream,
    },
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
    generation::lifecycle,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::time::Duration;

/// The most that the items of one answer may weigh. Lambda returns 6 MB.
pub(crate) const MAX_ANSWER: usize = 4_500_000;

/// The items of an answer, as far as they fit into it.
#[derive(Debug, Default)]
pub(crate) struct Fitting {
    pub(crate) items: Vec<Box<RawValue>>,
    weighs: usize,
}

impl Fitting {
    /// Takes an item, and says whether it fits. The first one always does. `what`
    /// names it.
    ///
    /// # Errors
    ///
    /// When it has no JSON.
    pub(crate) fn take(
        &mut self,
        item: &impl Serialize,
        what: impl FnOnce() -> String,
    ) -> Result<bool, Error> {
        let text = to_raw_value(item).map_err(|error| Error::Damaged {
            what: what(),
            reason: error.to_string(),
        })?;
        self.weighs += weight(text.get());
        let fits = self.weighs <= MAX_ANSWER || self.items.is_empty();
        if fits {
            self.items.push(text);
        }
        Ok(fits)
    }
}

/// What answers are read from. Each file of this crate answers one question.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) service: Service,
    pub(crate) events: EventStore,
    pub(crate) store: DataStore,
    pub(crate) incoming: Stream,
    /// How long an event may wait for a reader before `/health` says so.
    pub(crate) patience: Duration,
}

/// Why a question is not answered.
pub(crate) enum Unanswered {
    Refused(Problem),
    Failed(Error),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Sources {
    /// The projection that a request names.
    pub(crate) fn projection(&self, parameters: &Parameters) -> Result<&Projection, Unanswered> {
        let name = parameters.path("name");
        let projection = self.service.projection(name);
        let unknown = || missing("name", format!("there is no projection {name:?}"));
        Ok(projection.ok_or_else(unknown)?)
    }

    /// The generation that a request asks for: without a word, the one that
    /// serves.
    pub(crate) async fn target(
        &self,
        projection: &Projection,
        parameters: &Parameters,
    ) -> Result<Target, Unanswered> {
        let name = projection.name;
        let asked = parameters.number("generation", 1..=u64::MAX)?;
        let known = lifecycle::of(&self.store, name).await?;
        let generation = asked.unwrap_or(known.serving);
        if !known.takes(generation) {
            let why = format!("{name} has no generation {generation}");
            return Err(missing("generation", why).into());
        }
        Ok(Target {
            projection: name.to_string(),
            generation,
        })
    }
}
