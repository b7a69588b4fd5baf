//! Reactions: adapters and rules, which draw new events from recorded ones.

use crate::{Draft, Recorded, Refused, projection::guarded, reversal::Reversal, upcast::Upcasters};
use serde_json::Value;
use std::sync::Arc;

/// The event type under which a raw input is recorded.
pub const INPUT_RECEIVED: &str = "input-received";

/// The categories of raw inputs begin with this; the source's name follows.
pub const INPUT_CATEGORY: &str = "input:";

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
    /// partition until it is mended.
    fn map(input: Value) -> Result<Vec<Draft>, Refused>;
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
    /// A refusal stalls this rule for this stream until it is mended.
    fn react(event: &Recorded) -> Result<Vec<Draft>, Refused>;
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
    react: fn(&Recorded) -> Result<Vec<Draft>, Refused>,
    upcasters: Arc<Upcasters>,
}

impl Reaction {
    pub(crate) fn adapter<A: Adapter>() -> Self {
        Self {
            origin: format!("adapter/{}", A::SOURCE),
            category: format!("{INPUT_CATEGORY}{}", A::SOURCE),
            partition: Some(A::partition),
            react: |event| match Reversal::of(event) {
                // What the input led to is not undone by itself.
                Some(_) => Ok(Vec::new()),
                None => A::map(event.data()?),
            },
            upcasters: Arc::default(),
        }
    }

    pub(crate) fn rule<R: Rule>() -> Self {
        Self {
            origin: format!("rule/{}", R::NAME),
            category: R::CATEGORY.to_string(),
            partition: None,
            react: R::react,
            upcasters: Arc::default(),
        }
    }

    /// With a service's upcasters.
    pub(crate) fn lifting(&mut self, upcasters: &Arc<Upcasters>) {
        self.upcasters = upcasters.clone();
    }

    /// The events that follow from a recorded one. Their identities depend on
    /// it alone, so that reacting again changes nothing.
    ///
    /// # Errors
    ///
    /// What the domain refuses, a panic included.
    pub fn react(&self, event: &Recorded) -> Result<Vec<crate::Event>, Refused> {
        let lifted = self.upcasters.lift(event)?;
        let drafts = guarded(|| (self.react)(&lifted))?;
        let events = drafts.into_iter().enumerate();
        Ok(events
            .map(|(nth, draft)| draft.caused_by(event, &self.origin, nth))
            .collect())
    }
}
