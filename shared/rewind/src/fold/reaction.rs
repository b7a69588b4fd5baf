//! Adapters and rules at work: their registered form, its types taken away.

use super::{known::Known, mode::Live, panics::guarded, upcasters::Upcasters};
use crate::{
    Adapter, CloudEvent, Emit, Envelope, Events, NewCall, RecordedEvent, Rejection, Rule,
    StreamName,
    commit::{MAX_COMMIT_BYTES, size_of},
    reserved::{INPUT_CATEGORY, MAX_CAUSATION_DEPTH},
    reversal::{Reversal, place},
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

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

    /// What follows from a recorded event: events, for a command that by which it
    /// waits to be decided, and calls. Their identities depend on the event
    /// alone, so that reacting again changes nothing. Nothing follows from a
    /// reversal: what an event led to is not undone by itself.
    ///
    /// # Errors
    ///
    /// What the domain rejects, a panic included; an event that cannot be
    /// recorded, or does not fit its category's enum; a command that no aggregate
    /// decides about, or whose data does not fit; a call of a gateway that is not
    /// registered; a causal chain that is too long.
    pub fn emitted(&self, event: &RecordedEvent) -> Result<Emitted, Rejection> {
        if Reversal::is_one(event) {
            return Ok(Emitted::default());
        }
        let lifted = self.upcasters.lift(event)?;
        let emit = guarded(|| (self.react)(&lifted))?;
        let by = By {
            origin: &self.origin,
            upcasters: &self.upcasters,
            known: &self.known,
        };
        by.all(emit, event)
    }

    /// The events that follow from a recorded one, as a replay has them: without
    /// calls. See [`emitted`](Self::emitted).
    ///
    /// # Errors
    ///
    /// As [`emitted`](Self::emitted).
    pub fn react(&self, event: &RecordedEvent) -> Result<Vec<CloudEvent>, Rejection> {
        Ok(self.emitted(event)?.events)
    }
}

/// What follows from an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Emitted {
    /// What goes to `incoming`.
    pub events: Vec<CloudEvent>,
    /// What goes outside, where that is allowed.
    pub calls: Vec<Calling>,
}

/// A call that follows from an event. Only who has leave can ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Calling {
    event: CloudEvent,
}

impl Calling {
    pub(crate) fn new(event: CloudEvent) -> Self {
        Self { event }
    }

    /// The event by which the call is asked for.
    pub fn requested(self, _: Live) -> CloudEvent {
        self.event
    }

    /// The event, for a proposal that nobody has approved.
    pub(super) fn into_proposed(self) -> CloudEvent {
        self.event
    }

    /// Its idempotency key.
    pub fn key(&self) -> String {
        self.event.identity()
    }

    /// The gateway's log that it belongs to.
    pub fn stream(&self) -> &StreamName {
        &self.event.stream
    }

    /// The action.
    ///
    /// # Errors
    ///
    /// When it is no JSON, which it is.
    pub fn action(&self) -> Result<Value, Rejection> {
        self.event.data()
    }
}

/// Who emits.
pub(super) struct By<'a> {
    pub origin: &'a str,
    pub upcasters: &'a Upcasters,
    pub known: &'a Known,
}

impl By<'_> {
    /// What is recorded for all that a cause leads to.
    pub fn all(&self, mut emit: Vec<Emit>, cause: &RecordedEvent) -> Result<Emitted, Rejection> {
        let count = emit.len();
        // All of them first: what is too deep cannot even be forgotten.
        let flat = emit.iter_mut().map(Emit::take_apart_if_too_deep);
        let flat: Vec<_> = flat.collect();
        let mut emitted = Emitted::default();
        let mut called: BTreeMap<String, usize> = BTreeMap::new();
        for (nth, (emit, flat)) in emit.into_iter().zip(flat).enumerate() {
            let what = emit.what();
            let place = format!("{what} {} of {count}", nth + 1);
            let named = |why: Rejection| Rejection::new(format!("{place}: {why}"));
            flat.map_err(named)?;
            self.known.check(self.upcasters, &emit).map_err(named)?;
            match emit {
                Emit::Call(call) => {
                    let nth = called.entry(call.gateway().to_string()).or_default();
                    let calling = self.calling(&call, cause, *nth).map_err(named)?;
                    *nth += 1;
                    emitted.calls.push(calling);
                }
                emit => {
                    let event = emit.caused_by(cause, self.origin, nth).map_err(named)?;
                    fits(what, &event).map_err(named)?;
                    emitted.events.push(event);
                }
            }
        }
        let depth = cause.event.causation_depth();
        if depth >= MAX_CAUSATION_DEPTH && count > 0 {
            return Err(Rejection::new(format!(
                "the event is at the end of a causal chain of {depth} adapters and rules, and nothing is emitted beyond {MAX_CAUSATION_DEPTH}: does `{}` feed itself?",
                self.origin
            )));
        }
        Ok(emitted)
    }

    /// The `nth` call of its gateway that a cause leads to. What else the cause
    /// leads to does not count, so that code which emits one event more calls
    /// under the same key.
    fn calling(
        &self,
        call: &NewCall,
        cause: &RecordedEvent,
        nth: usize,
    ) -> Result<Calling, Rejection> {
        let place = place(cause.stream(), cause.version);
        let event = call.requested(
            format!("/rewind/{}", self.origin),
            format!("{place}/{}/{nth}", call.gateway()),
            cause,
            cause.event.causation_depth() + 1,
        );
        fits("call", &event)?;
        Ok(Calling { event })
    }
}

fn fits(what: &str, event: &CloudEvent) -> Result<(), Rejection> {
    match size_of(event) {
        ..=MAX_COMMIT_BYTES => Ok(()),
        size => Err(Rejection::new(format!(
            "the {what} takes {size} bytes with what its cause gives it; at most {MAX_COMMIT_BYTES} are recorded"
        ))),
    }
}

/// Whether a projection, a rule, a process, a gateway or a source may have this name: the
/// partitions of rows and checkpoints, and what is emitted, are named after it.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.chars().all(is_allowed)
}
