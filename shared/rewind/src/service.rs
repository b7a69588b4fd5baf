//! A service: all that a team's domain registers.

use crate::{
    Adapter, Aggregate, MultiStreamProjection, Projection, Reaction, RecordedEvent, Rejection,
    Rule, SingleStreamProjection,
    aggregate::{self, Walk},
    reaction,
    upcast::{Upcaster, Upcasters},
};
use std::{collections::BTreeSet, sync::Arc};

/// The domain's projections, adapters, rules and aggregates, as the functions
/// know them.
#[derive(Debug, Clone, Default)]
pub struct Service {
    projections: Vec<Projection>,
    reactions: Vec<Reaction>,
    decided: Vec<(&'static str, Walk)>,
    upcasters: Arc<Upcasters>,
}

impl Service {
    /// Registers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a projection over one stream.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none: at start-up, in the first test.
    #[must_use]
    pub fn single_stream<P: SingleStreamProjection>(self) -> Self {
        self.with_projection(Projection::single::<P>())
    }

    /// Registers a projection over many streams.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none: at start-up, in the first test.
    #[must_use]
    pub fn multi_stream<P: MultiStreamProjection>(self) -> Self {
        self.with_projection(Projection::multi::<P>())
    }

    /// Registers the adapter of a source of raw inputs.
    ///
    /// # Panics
    ///
    /// When the source has one, or is no name: at start-up, in the first test.
    #[must_use]
    pub fn adapter<A: Adapter>(self) -> Self {
        self.with_reaction(Reaction::adapter::<A>())
    }

    /// Registers a rule.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none: at start-up, in the first test.
    #[must_use]
    pub fn rule<R: Rule>(self) -> Self {
        self.with_reaction(Reaction::rule::<R>())
    }

    /// Registers an aggregate: its category is then decided, and takes no
    /// events from outside.
    #[must_use]
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.decided.push((A::CATEGORY, aggregate::walk::<A>));
        let decided = self.decided();
        for reaction in &mut self.reactions {
            reaction.keeping_out_of(&decided);
        }
        self
    }

    /// Registers an upcaster: whatever the service reads goes through it.
    ///
    /// # Panics
    ///
    /// When that step of the type has one: at start-up, in the first test.
    #[must_use]
    pub fn upcaster<U: Upcaster>(mut self) -> Self {
        let mut upcasters = (*self.upcasters).clone();
        let (event_type, from) = (U::TYPE, U::FROM);
        assert!(
            upcasters.add::<U>(),
            "two upcasters lift `{event_type}` from version {from}"
        );
        self.upcasters = Arc::new(upcasters);
        for projection in &mut self.projections {
            projection.lifting(&self.upcasters);
        }
        for reaction in &mut self.reactions {
            reaction.lifting(&self.upcasters);
        }
        self
    }

    /// All upcasters.
    pub fn upcasters(&self) -> &Upcasters {
        &self.upcasters
    }

    /// All categories that anything here reads, and those that are decided.
    /// Adapters and rules may write to others.
    pub fn categories(&self) -> BTreeSet<&str> {
        let projections = self.projections.iter();
        let projections = projections.flat_map(|projection| projection.categories);
        let reactions = self.reactions.iter().map(|known| known.category.as_str());
        let decided = self.decided.iter().map(|(category, _)| *category);
        projections
            .copied()
            .chain(reactions)
            .chain(decided)
            .collect()
    }

    /// The first of a stream's events, given as they count, that its aggregate
    /// would not allow now; `None` where it allows all, or there is none.
    pub fn first_refused(
        &self,
        category: &str,
        events: &[&RecordedEvent],
    ) -> Option<(u64, Rejection)> {
        let (_, walk) = self.decided.iter().find(|(known, _)| *known == category)?;
        walk(&self.upcasters, events)
    }

    /// All projections.
    pub fn projections(&self) -> &[Projection] {
        &self.projections
    }

    /// The projection of this name.
    pub fn projection(&self, name: &str) -> Option<&Projection> {
        self.projections.iter().find(|known| known.name == name)
    }

    /// All adapters and rules.
    pub fn reactions(&self) -> &[Reaction] {
        &self.reactions
    }

    /// The adapter of a source.
    pub fn input(&self, source: &str) -> Option<&Reaction> {
        let origin = format!("adapter/{source}");
        self.reactions.iter().find(|known| known.origin == origin)
    }

    /// The sources that have an adapter.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        let origins = self.reactions.iter().map(|known| known.origin.as_str());
        origins.filter_map(|origin| origin.strip_prefix("adapter/"))
    }

    /// Whether only an aggregate writes to this category.
    pub fn is_decided(&self, category: &str) -> bool {
        self.decided.iter().any(|(decided, _)| *decided == category)
    }

    fn decided(&self) -> Arc<BTreeSet<&'static str>> {
        let decided = self.decided.iter().map(|(category, _)| *category);
        Arc::new(decided.collect())
    }

    fn with_projection(mut self, mut projection: Projection) -> Self {
        projection.lifting(&self.upcasters);
        let name = projection.name;
        assert!(
            reaction::is_name(name),
            "a projection is named with A-Z a-z 0-9 _ . - only: {name:?}"
        );
        assert!(
            self.projection(name).is_none(),
            "two projections are named {name}"
        );
        self.projections.push(projection);
        self
    }

    fn with_reaction(mut self, mut reaction: Reaction) -> Self {
        reaction.lifting(&self.upcasters);
        reaction.keeping_out_of(&self.decided());
        let origin = &reaction.origin;
        assert!(
            self.reactions.iter().all(|known| known.origin != *origin),
            "two reactions are named {origin}"
        );
        self.reactions.push(reaction);
        self
    }
}
