//! What a service knows of categories: what the domain emits has to fit it.

use super::{aggregate::Decider, upcasters::Upcasters};
use crate::{Categories, Emit, NewCommand, NewEvent, Rejection};

/// What a service knows of categories.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The declared ones.
    pub categories: Categories,
    /// Who decides about those that only an aggregate writes to.
    pub deciders: Vec<Decider>,
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
}
