//! The declared categories of a service, and the check that an event has to pass
//! before it is recorded.

use super::event::{codec::Decoded, declaration::Declaration};
use crate::{CloudEvent, Problem, fold::upcasters::Upcasters, reserved, reversal::Reversal};
use std::collections::BTreeMap;

/// The categories whose events an enum declares.
#[derive(Debug, Clone, Default)]
pub struct Categories {
    declared: BTreeMap<&'static str, Declaration>,
}

impl Categories {
    /// Adds what an enum declares.
    ///
    /// # Panics
    ///
    /// When another enum declares the category: at start-up, in the first test.
    pub(crate) fn add(&mut self, new: Declaration) {
        let category = new.category;
        let is_name = !category.is_empty() && !category.contains('-');
        // A domain reads what became of its rows, and does not write it.
        let is_own = !reserved::is_reserved_category(category)
            || category.starts_with(reserved::CHANGES_CATEGORY);
        assert!(is_name && is_own, "{category:?} is no category of a domain");
        let new_type = new.rust_type;
        let known = self.declared.insert(category, new);
        if let Some(known) = known.filter(|known| known.rust_type != new_type) {
            let known = known.rust_type;
            panic!("the category `{category}` has two enums, {known} and {new_type}");
        }
    }

    /// The declaration of a category.
    pub fn get(&self, category: &str) -> Option<&Declaration> {
        self.declared.get(category)
    }

    /// All declarations, by category.
    pub fn iter(&self) -> impl Iterator<Item = &Declaration> {
        self.declared.values()
    }

    /// Checks an event against its category's enum, as its readers will see it:
    /// upcasters lift an old shape first. Categories that are not declared take
    /// everything.
    ///
    /// # Errors
    ///
    /// A problem that names the member, `data.items[2].price` for instance, and
    /// what was expected there.
    pub fn check(&self, upcasters: &Upcasters, event: &CloudEvent) -> Result<(), Problem> {
        let category = event.stream.category();
        let Some(declared) = self.get(category) else {
            return Ok(());
        };
        let sent = event
            .schema_version()
            .map_err(|why| Problem::invalid(reserved::SCHEMA_VERSION, why.reason))?;
        let (newest, version) = upcasters.newest(&event.event_type, sent);
        let Some(expected) = declared.types.get(&newest) else {
            if declared.is_open {
                return Ok(());
            }
            let known: Vec<&str> = declared.types.keys().map(String::as_str).collect();
            let known = known.join("`, `");
            let why = format!("the category `{category}` has no such type; it has `{known}`");
            return Err(Problem::invalid("type", why));
        };
        if version != *expected {
            let why = format!(
                "version {sent} of `{}` is not known; expected {expected}, or a version that upcasters lift",
                event.event_type
            );
            return Err(Problem::invalid(reserved::SCHEMA_VERSION, why));
        }
        if event.data_base64().is_some() {
            let why = format!("expected JSON data: `{newest}` is declared, and the data is binary");
            return Err(Problem::invalid("data", why));
        }
        let lifted = upcasters
            .lift_event(event)
            .map_err(|why| Problem::invalid("data", why.reason))?;
        match (declared.check)(&newest, lifted.data.get()) {
            Decoded::Event(()) | Decoded::Undeclared | Decoded::NotJson => Ok(()),
            Decoded::Misfit(misfit) => {
                let (path, what) = (misfit.path("data"), misfit.what());
                Err(Problem::invalid(&path, what.to_string()))
            }
        }
    }

    /// Whether the category of a recorded event is declared and its type is not:
    /// readers pass over such an event.
    pub fn is_undeclared(&self, upcasters: &Upcasters, event: &crate::RecordedEvent) -> bool {
        let Some(declared) = self.get(event.stream().category()) else {
            return false;
        };
        let version = event.event.schema_version().unwrap_or(1);
        let (newest, _) = upcasters.newest(event.event_type(), version);
        !declared.types.contains_key(&newest) && !Reversal::is_one(event)
    }

    /// Whether the category is declared and no shape of this type is, with or
    /// without upcasters.
    pub fn is_undeclared_type(
        &self,
        upcasters: &Upcasters,
        category: &str,
        event_type: &str,
    ) -> bool {
        let Some(declared) = self.get(category) else {
            return false;
        };
        let lifted = upcasters.known().filter(|(from, _)| *from == event_type);
        let mut lifted = lifted.map(|(from, version)| upcasters.newest(from, version).0);
        !declared.types.contains_key(event_type)
            && !lifted.any(|newest| declared.types.contains_key(&newest))
    }
}
