//! States of aggregates and processes, their types taken away.

use super::panics::guarded;
use crate::Rejection;
use serde::Serialize;
use serde_json::Value;
use std::{any::Any, fmt};

/// The state of an aggregate, or of a process, after some events.
#[derive(Debug)]
pub struct State(Box<dyn Held>);

/// A state whose type is taken away.
trait Held: fmt::Debug + Send + Sync {
    fn json(&self) -> Result<Value, serde_json::Error>;
    fn copy(&self) -> Box<dyn Held>;
    fn any(&self) -> &dyn Any;
    fn any_mut(&mut self) -> &mut dyn Any;
}

impl<T: Clone + fmt::Debug + Serialize + Send + Sync + 'static> Held for T {
    fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn copy(&self) -> Box<dyn Held> {
        Box::new(self.clone())
    }

    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Clone for State {
    fn clone(&self) -> Self {
        Self((*self.0).copy())
    }
}

const OWN: &str = "states come back to whoever began them";

impl State {
    pub(super) fn of<T>(state: T) -> Self
    where
        T: Clone + fmt::Debug + Serialize + Send + Sync + 'static,
    {
        Self(Box::new(state))
    }

    pub(super) fn as_type<T: 'static>(&self) -> &T {
        (*self.0).any().downcast_ref().expect(OWN)
    }

    pub(super) fn as_mut<T: 'static>(&mut self) -> &mut T {
        (*self.0).any_mut().downcast_mut().expect(OWN)
    }

    /// The state as JSON: a snapshot.
    ///
    /// # Errors
    ///
    /// When it has none, or its panic.
    pub fn json(&self) -> Result<Value, Rejection> {
        guarded(|| {
            let json = self.0.json();
            json.map_err(|error| Rejection::new(format!("the state has no JSON: {error}")))
        })
    }
}
