//! What a service knows of categories and gateways: what the domain emits has to
//! fit it.

use super::{aggregate::Decider, panics::guarded, upcasters::Upcasters};
use crate::{Categories, Emit, NewCall, NewCommand, NewEvent, Rejection};
use serde_json::Value;
use std::collections::BTreeMap;

/// Checks an action.
pub(crate) type Check = fn(&Value) -> Result<(), Rejection>;

/// What a service knows of categories and gateways.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The declared ones.
    pub categories: Categories,
    /// Who decides about those that only an aggregate writes to.
    pub deciders: Vec<Decider>,
    /// The check of each gateway's actions, by its name.
    pub gateways: BTreeMap<&'static str, Check>,
}

impl Known {
    /// The aggregate that decides about a category.
    pub fn decider(&self, category: &str) -> Option<&Decider> {
        let mut deciders = self.deciders.iter();
        deciders.find(|known| known.category == category)
    }

    /// Checks what the domain emits as the door checks what a client sends.
    pub fn check(&self, upcasters: &Upcasters, emit: &Emit) -> Result<(), Rejection> {
        match emit {
            Emit::Event(new) => self.check_event(upcasters, new),
            Emit::Command(new) => self.check_command(new),
            Emit::Call(new) => self.check_call(new),
        }
    }

    /// See [`check`](Self::check).
    pub fn check_event(&self, upcasters: &Upcasters, new: &NewEvent) -> Result<(), Rejection> {
        new.check()?;
        let category = new.stream.category();
        if self.decider(category).is_some() {
            return Err(Rejection::new(format!(
                "`stream` the category {category:?} is decided: only its aggregate writes to it"
            )));
        }
        let checked = self.categories.check(upcasters, &new.unplaced());
        checked.map_err(|problem| problem.as_rejection())
    }

    /// See [`check`](Self::check).
    pub fn check_command(&self, new: &NewCommand) -> Result<(), Rejection> {
        new.check()?;
        let category = new.stream.category();
        let Some(decider) = self.decider(category) else {
            return Err(Rejection::new(format!(
                "`stream` no aggregate decides about the category {category:?}"
            )));
        };
        let checked = decider.check(&new.command_type, &new.data.to_string());
        checked.map_err(|problem| problem.as_rejection())
    }

    /// See [`check`](Self::check).
    pub fn check_call(&self, new: &NewCall) -> Result<(), Rejection> {
        new.check()?;
        let name = new.gateway();
        let Some(check) = self.gateways.get(name) else {
            return Err(Rejection::new(format!(
                "no gateway is named {name:?}: register it"
            )));
        };
        guarded(|| check(&new.action))
    }
}
