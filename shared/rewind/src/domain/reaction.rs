//! Adapters and rules: they emit new events and give commands.

use crate::{Emit, Envelope, Events, Rejection, record::misfit};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

/// Maps what an outside source posts to `/inputs/{source}`, in any shape, to
/// events of the domain, or to commands.
pub trait Adapter {
    /// The shape of an input.
    type Input: DeserializeOwned;
    /// What it makes of them: [`NewEvent`](crate::NewEvent), for categories that
    /// no aggregate decides about, [`NewCommand`](crate::NewCommand), for those
    /// that one does, or [`Emit`], which is either.
    type Emits: Into<Emit> + Debug + Clone + PartialEq;
    /// The source's name in the URL.
    const SOURCE: &'static str;

    /// What keeps its order: inputs of one partition are mapped in the order
    /// in which they came. `None`, the default, keeps the whole source in order,
    /// on one stream. An input is recorded whatever its shape, so this looks at
    /// its JSON.
    fn partition(input: &Value) -> Option<String> {
        let _ = input;
        None
    }

    /// Reads a recorded input. The default takes JSON objects only.
    ///
    /// # Errors
    ///
    /// The input stays recorded; the rejection stalls this adapter for this
    /// partition until it is mended.
    fn read(input: &Value) -> Result<Self::Input, Rejection> {
        read_object(input)
    }

    /// The events, or the commands, that an input stands for.
    ///
    /// # Errors
    ///
    /// The input stays recorded; the rejection stalls this adapter for this
    /// partition until it is mended. An event that cannot be recorded does the
    /// same, and so does a command that no aggregate would understand; then
    /// nothing of the input is recorded.
    fn map(input: &Envelope<Self::Input>) -> Result<Vec<Self::Emits>, Rejection>;
}

/// If this event (and this condition), then these new events or commands.
pub trait Rule {
    /// The events that it watches.
    type Event: Events;
    /// What follows: [`NewEvent`](crate::NewEvent), for categories that no
    /// aggregate decides about, [`NewCommand`](crate::NewCommand), for those that
    /// one does, or [`Emit`], which is either.
    type Emits: Into<Emit> + Debug + Clone + PartialEq;
    /// Its name: part of the identity of what it emits.
    const NAME: &'static str;

    /// What follows from the event; mostly nothing.
    ///
    /// # Errors
    ///
    /// A rejection stalls this rule for this stream until it is mended. An event
    /// that cannot be recorded does the same, and so does a command that no
    /// aggregate would understand, or anything behind the end of a chain of
    /// [`MAX_CAUSATION_DEPTH`](crate::reserved::MAX_CAUSATION_DEPTH).
    fn react(event: &Envelope<Self::Event>) -> Result<Vec<Self::Emits>, Rejection>;
}

/// An input as a type of the adapter's: a JSON object, and nothing else.
///
/// # Errors
///
/// A [`Rejection`] names the place that does not fit and what was expected
/// there, never the value.
pub fn read_object<T: DeserializeOwned>(input: &Value) -> Result<T, Rejection> {
    misfit::decode_object(input).map_err(|misfit| {
        let (path, what) = (misfit.path("input"), misfit.what());
        Rejection::new(format!("{path}: {what}"))
    })
}
