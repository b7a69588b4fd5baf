//! Adapters and rules at work: their registered form, its types taken away.

use super::{known::Known, panics::guarded, upcasters::Upcasters};
use crate::{
    Adapter, CloudEvent, Emit, Envelope, Events, RecordedEvent, Rejection, Rule,
    commit::{MAX_COMMIT_BYTES, size_of},
    reserved::{INPUT_CATEGORY, MAX_CAUSATION_DEPTH},
    reversal::Reversal,
};
use serde_json::Value;
use std::sync::Arc;

/// A registered adapter or rule.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// `adapter/{source}` or `rule/{name}`.
    pub origin: String,
    /// The categories that it watches.
    pub categories: Vec<String>,
    /// The partition of an input; only adapters have one.
    pub partition: Option<fn(&Value) -> Option<String>>,
    react: fn(&RecordedEvent) -> Result<Vec<Emit>, Rejection>,
    upcasters: Arc<Upcasters>,
    known: Arc<Known>,
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
                let emitted = A::map(&Envelope::new(event, A::read(&input)?))?;
                Ok(emitted.into_iter().map(Into::into).collect())
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
                Some(data) => {
                    let emitted = R::react(&Envelope::new(event, data))?;
                    Ok(emitted.into_iter().map(Into::into).collect())
                }
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

    /// The events that follow from a recorded one; for a command, that by which
    /// it waits to be decided. Their identities depend on
    /// it alone, so that reacting again changes nothing. Nothing follows from a
    /// reversal: what an event led to is not undone by itself.
    ///
    /// # Errors
    ///
    /// What the domain rejects, a panic included; an event that cannot be
    /// recorded, or does not fit its category's enum; a command that no aggregate
    /// decides about, or whose data does not fit; a causal chain that is too
    /// long.
    pub fn react(&self, event: &RecordedEvent) -> Result<Vec<CloudEvent>, Rejection> {
        if Reversal::is_one(event) {
            return Ok(Vec::new());
        }
        let lifted = self.upcasters.lift(event)?;
        let mut emitted = guarded(|| (self.react)(&lifted))?;
        let count = emitted.len();
        // All of them first: what is too deep cannot even be forgotten.
        let flat = emitted.iter_mut().map(Emit::take_apart_if_too_deep);
        let flat: Vec<_> = flat.collect();
        let emitted = emitted.into_iter().zip(flat).enumerate();
        let events = emitted.map(|(nth, (emit, flat))| {
            let what = emit.what();
            let recordable = flat.and_then(|()| self.recordable(emit, event, nth));
            let place = format!("{what} {} of {count}", nth + 1);
            recordable.map_err(|why| Rejection::new(format!("{place}: {why}")))
        });
        let events: Vec<CloudEvent> = events.collect::<Result<_, _>>()?;
        let depth = event.event.causation_depth();
        if depth >= MAX_CAUSATION_DEPTH && !events.is_empty() {
            return Err(Rejection::new(format!(
                "the event is at the end of a causal chain of {depth} adapters and rules, and nothing is emitted beyond {MAX_CAUSATION_DEPTH}: does `{}` feed itself?",
                self.origin
            )));
        }
        Ok(events)
    }

    /// What is recorded for the `nth` consequence of a cause, or why it cannot
    /// be.
    fn recordable(
        &self,
        emit: Emit,
        cause: &RecordedEvent,
        nth: usize,
    ) -> Result<CloudEvent, Rejection> {
        self.known.check(&self.upcasters, &emit)?;
        let what = emit.what();
        let event = emit.caused_by(cause, &self.origin, nth)?;
        match size_of(&event) {
            ..=MAX_COMMIT_BYTES => Ok(event),
            size => Err(Rejection::new(format!(
                "the {what} takes {size} bytes with what its cause gives it; at most {MAX_COMMIT_BYTES} are recorded"
            ))),
        }
    }
}

/// Whether a projection, a rule, a process or a source may have this name: the
/// partitions of rows and checkpoints, and what is emitted, are named after it.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.chars().all(is_allowed)
}
