//! Reactions: adapters and rules, which draw new events from recorded ones.

use crate::{
    CloudEvent, NewEvent, RecordedEvent, Rejection, misfit, new_event,
    projection::guarded,
    reversal::{Reversal, is_reserved},
    upcast::Upcasters,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// The event type under which a raw input is recorded.
pub const INPUT_RECEIVED: &str = "input-received";

/// The categories of raw inputs begin with this; the source's name follows.
pub const INPUT_CATEGORY: &str = "input:";

/// The extension attribute that says how many adapters and rules, one after the
/// other, an event came of. One that came from outside does not have it, and its
/// depth is 0.
pub const CAUSATION_DEPTH: &str = "causationdepth";

/// How deep a causal chain may become: a rule that feeds itself would go on
/// without end.
pub const MAX_CAUSATION_DEPTH: u64 = 16;

/// Maps what an outside source posts to `/inputs/{source}`, in any shape, to
/// events of the domain.
pub trait Adapter {
    /// The source's name in the URL.
    const SOURCE: &'static str;

    /// What keeps its order: inputs of one partition are mapped in the order
    /// in which they came. `None`, the default, keeps the whole source in order,
    /// on one stream.
    fn partition(input: &Value) -> Option<String> {
        let _ = input;
        None
    }

    /// The events that an input stands for.
    ///
    /// # Errors
    ///
    /// The input stays recorded; the refusal stalls this adapter for this
    /// partition until it is mended. A draft that [`NewEvent::check`] refuses does
    /// the same, and none of the input's drafts is recorded.
    fn map(input: Value) -> Result<Vec<NewEvent>, Rejection>;
}

/// If this event (and this condition), then these new events.
pub trait Rule {
    /// Its name: part of the identity of what it draws.
    const NAME: &'static str;
    /// The category that it watches.
    const CATEGORY: &'static str;

    /// What follows from the event; mostly nothing.
    ///
    /// # Errors
    ///
    /// A refusal stalls this rule for this stream until it is mended. A draft
    /// that [`NewEvent::check`] refuses does the same, and so does one at the end
    /// of a chain of [`MAX_CAUSATION_DEPTH`].
    fn react(event: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection>;
}

/// A registered adapter or rule.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// `adapter/{source}` or `rule/{name}`.
    pub origin: String,
    /// The category that it watches.
    pub category: String,
    /// The partition of an input; only adapters have one.
    pub partition: Option<fn(&Value) -> Option<String>>,
    react: fn(&RecordedEvent) -> Result<Vec<NewEvent>, Rejection>,
    upcasters: Arc<Upcasters>,
    decided: Arc<BTreeSet<&'static str>>,
}

/// An input as a type of the adapter's: a JSON object, and nothing else.
///
/// # Errors
///
/// [`Rejection`] names the place that does not fit and what was expected there,
/// never the value.
pub fn read_input<T: DeserializeOwned>(input: &Value) -> Result<T, Rejection> {
    misfit::decode_object(input).map_err(|misfit| {
        let (path, what) = (misfit.path("input"), misfit.what());
        Rejection::new(format!("{path}: {what}"))
    })
}

impl Reaction {
    pub(crate) fn adapter<A: Adapter>() -> Self {
        assert!(
            is_name(A::SOURCE) && !A::SOURCE.contains('-'),
            "an input source is named with A-Z a-z 0-9 _ . only: its name is part of a category"
        );
        Self {
            origin: format!("adapter/{}", A::SOURCE),
            category: format!("{INPUT_CATEGORY}{}", A::SOURCE),
            partition: Some(A::partition),
            react: |event| match Reversal::is_one(event) {
                // What the input led to is not undone by itself.
                true => Ok(Vec::new()),
                false => A::map(event.data()?),
            },
            upcasters: Arc::default(),
            decided: Arc::default(),
        }
    }

    pub(crate) fn rule<R: Rule>() -> Self {
        assert!(
            is_name(R::NAME),
            "a rule is named with A-Z a-z 0-9 _ . - only"
        );
        Self {
            origin: format!("rule/{}", R::NAME),
            category: R::CATEGORY.to_string(),
            partition: None,
            react: R::react,
            upcasters: Arc::default(),
            decided: Arc::default(),
        }
    }

    /// With a service's upcasters.
    pub(crate) fn lifting(&mut self, upcasters: &Arc<Upcasters>) {
        self.upcasters = upcasters.clone();
    }

    /// With the categories that only an aggregate writes to.
    pub(crate) fn keeping_out_of(&mut self, decided: &Arc<BTreeSet<&'static str>>) {
        self.decided = decided.clone();
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
    /// it alone, so that reacting again changes nothing.
    ///
    /// # Errors
    ///
    /// What the domain refuses, a panic included; a draft that no event can be
    /// made of; a causal chain that is too long.
    pub fn react(&self, event: &RecordedEvent) -> Result<Vec<CloudEvent>, Rejection> {
        let lifted = self.upcasters.lift(event)?;
        let drafts = guarded(|| (self.react)(&lifted))?;
        let mut streams = drafts.iter().map(|draft| &draft.stream);
        if streams.any(|stream| self.decided.contains(stream.category())) {
            let why = "`stream` a draft is of a category that only its aggregate writes to";
            return Err(Rejection::new(why));
        }
        let events = new_event::events(drafts, event, &self.origin)?;
        let depth = causation_depth(&event.event);
        if depth >= MAX_CAUSATION_DEPTH && !events.is_empty() {
            return Err(Rejection::new(format!(
                "the event is at the end of a causal chain of {depth} adapters and rules, and nothing is drawn beyond {MAX_CAUSATION_DEPTH}: does `{}` feed itself?",
                self.origin
            )));
        }
        Ok(events)
    }
}

/// How many adapters and rules, one after the other, an event came of. What came
/// from outside cannot say so itself.
pub fn causation_depth(event: &CloudEvent) -> u64 {
    match event.extensions.get(CAUSATION_DEPTH) {
        Some(depth) if is_reserved(&event.source) => depth.as_u64().unwrap_or_default(),
        _ => 0,
    }
}

/// Whether a projection, a rule or a source may have this name: the partitions
/// of rows and marks, and what is drawn, are named after it.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.chars().all(is_allowed)
}

/// Whether only Rewind records events of this category: its own reports, and
/// raw inputs.
pub fn is_reserved_category(category: &str) -> bool {
    category == "rewind" || category.starts_with("rewind:") || category.starts_with(INPUT_CATEGORY)
}
