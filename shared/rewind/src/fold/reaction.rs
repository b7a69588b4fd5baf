//! Adapters and rules at work: their registered form, its types taken away.

use super::{panics::guarded, upcasters::Upcasters};
use crate::{
    Adapter, Categories, CloudEvent, Envelope, Events, NewEvent, RecordedEvent, Rejection, Rule,
    domain::new_event,
    reserved::{INPUT_CATEGORY, MAX_CAUSATION_DEPTH},
    reversal::Reversal,
};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// A registered adapter or rule.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// `adapter/{source}` or `rule/{name}`.
    pub origin: String,
    /// The categories that it watches.
    pub categories: Vec<String>,
    /// The partition of an input; only adapters have one.
    pub partition: Option<fn(&Value) -> Option<String>>,
    react: fn(&RecordedEvent) -> Result<Vec<NewEvent>, Rejection>,
    upcasters: Arc<Upcasters>,
    known: Arc<Known>,
}

/// What a service knows of categories: what reactions emit has to fit it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The declared ones.
    pub categories: Categories,
    /// Those that only an aggregate writes to.
    pub decided: BTreeSet<&'static str>,
}

impl Reaction {
    pub(crate) fn adapter<A: Adapter>() -> Self {
        assert!(
            is_name(A::SOURCE) && !A::SOURCE.contains('-'),
            "an input source is named with A-Z a-z 0-9 _ . only: its name is part of a category"
        );
        Self {
            origin: format!("adapter/{}", A::SOURCE),
            categories: vec![format!("{INPUT_CATEGORY}{}", A::SOURCE)],
            partition: Some(A::partition),
            react: |event| {
                let input: Value = event.data()?;
                A::map(&Envelope::new(event, A::read(&input)?))
            },
            upcasters: Arc::default(),
            known: Arc::default(),
        }
    }

    pub(crate) fn rule<R: Rule>() -> Self {
        assert!(
            is_name(R::NAME),
            "a rule is named with A-Z a-z 0-9 _ . - only"
        );
        let categories = <R::Event as Events>::CATEGORIES.iter();
        Self {
            origin: format!("rule/{}", R::NAME),
            categories: categories.map(ToString::to_string).collect(),
            partition: None,
            react: |event| match R::Event::read(&event.event)? {
                Some(data) => R::react(&Envelope::new(event, data)),
                None => Ok(Vec::new()),
            },
            upcasters: Arc::default(),
            known: Arc::default(),
        }
    }

    /// With what a service has registered.
    pub(crate) fn within(&mut self, upcasters: &Arc<Upcasters>, known: &Arc<Known>) {
        self.upcasters = upcasters.clone();
        self.known = known.clone();
    }

    /// Whether it watches this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.iter().any(|known| known == category)
    }

    /// What an input keeps its order with, as its adapter says: see
    /// [`Adapter::partition`]. `None` for rules as well.
    ///
    /// # Errors
    ///
    /// The adapter's panic.
    pub fn partition_of(&self, input: &Value) -> Result<Option<String>, Rejection> {
        match self.partition {
            Some(partition) => guarded(|| Ok(partition(input))),
            None => Ok(None),
        }
    }

    /// The events that follow from a recorded one. Their identities depend on
    /// it alone, so that reacting again changes nothing. Nothing follows from a
    /// reversal: what an event led to is not undone by itself.
    ///
    /// # Errors
    ///
    /// What the domain rejects, a panic included; an event that cannot be
    /// recorded, or does not fit its category's enum; a causal chain that is too
    /// long.
    pub fn react(&self, event: &RecordedEvent) -> Result<Vec<CloudEvent>, Rejection> {
        if Reversal::is_one(event) {
            return Ok(Vec::new());
        }
        let lifted = self.upcasters.lift(event)?;
        let emitted = guarded(|| (self.react)(&lifted))?;
        let mut streams = emitted.iter().map(|emitted| &emitted.stream);
        if streams.any(|stream| self.known.decided.contains(stream.category())) {
            let why = "`stream` an event is of a category that only its aggregate writes to";
            return Err(Rejection::new(why));
        }
        let count = emitted.len();
        let events = new_event::events(emitted, event, &self.origin)?;
        for (nth, event) in events.iter().enumerate() {
            let checked = self.known.categories.check(&self.upcasters, event);
            checked.map_err(|problem| new_event::nth_of(nth, count, &problem.as_rejection()))?;
        }
        let depth = event.event.causation_depth();
        if depth >= MAX_CAUSATION_DEPTH && !events.is_empty() {
            return Err(Rejection::new(format!(
                "the event is at the end of a causal chain of {depth} adapters and rules, and nothing is emitted beyond {MAX_CAUSATION_DEPTH}: does `{}` feed itself?",
                self.origin
            )));
        }
        Ok(events)
    }
}

/// Whether a projection, a rule or a source may have this name: the partitions
/// of rows and checkpoints, and what is emitted, are named after it.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.chars().all(is_allowed)
}
