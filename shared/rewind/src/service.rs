//! A service: all that a team's domain registers.

use crate::{
    Adapter, Aggregate, Categories, CloudEvent, Declaration, Event, Events, Gateway,
    MultiStreamProjection, Problem, Process, Projection, Reaction, RecordedEvent, Rejection, Rule,
    SingleStreamProjection, Upcaster,
    fold::{
        aggregate::Decider, feed::Feed, gateway::Caller, known::Known, process::Runner, reaction,
        upcasters::Upcasters,
    },
    reserved::is_reserved_category,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// The domain's events, projections, adapters, rules, processes, aggregates and
/// gateways, as the functions know them.
#[derive(Debug, Clone, Default)]
pub struct Service {
    projections: Vec<Projection>,
    reactions: Vec<Reaction>,
    runners: Vec<Runner>,
    callers: Vec<Caller>,
    known: Arc<Known>,
    upcasters: Arc<Upcasters>,
}

/// Who decides about the commands that wait, as a reader of their streams.
pub const LATER: &str = "command/later";

/// Who reads the journals of a process: sends what it has given, and knows
/// its deadlines.
pub fn journal_listener(process: &str) -> String {
    format!("journal/{process}")
}

/// A reader that keeps a checkpoint for each stream, and has no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Such as `adapter/shop`: its checkpoints are named after it.
    pub origin: String,
    /// The categories that it reads.
    pub categories: Vec<String>,
}

impl Service {
    /// Registers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares the events of a category that no projection, rule, process or
    /// aggregate reads.
    ///
    /// # Panics
    ///
    /// When another enum declares the category: at start-up, in the first test.
    #[must_use]
    pub fn events<E: Event>(mut self) -> Self {
        self.declare(E::declarations());
        self
    }

    /// Registers a projection over one stream.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none, or that of its `FEED`, or another enum
    /// declares the category: at start-up, in the first test.
    #[must_use]
    pub fn single_stream<P: SingleStreamProjection>(mut self) -> Self {
        self.declare(P::Event::declarations());
        self.with_projection(Projection::single::<P>())
    }

    /// Registers a projection over many streams.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none, or that of its `FEED`, or another enum
    /// declares a category: at start-up, in the first test.
    #[must_use]
    pub fn multi_stream<P: MultiStreamProjection>(mut self) -> Self {
        self.declare(P::Event::declarations());
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
    pub fn rule<R: Rule>(mut self) -> Self {
        self.declare(R::Event::declarations());
        self.with_reaction(Reaction::rule::<R>())
    }

    /// Registers a process.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none: at start-up, in the first test.
    #[must_use]
    pub fn process<P: Process>(mut self) -> Self {
        let runner = Runner::new::<P>();
        let name = runner.name;
        assert!(
            self.runner(name).is_none(),
            "two processes are named {name}"
        );
        self.runners.push(runner);
        self.declare(P::Event::declarations());
        self
    }

    /// Registers an aggregate: its category is then decided, and takes no
    /// events from outside.
    ///
    /// # Panics
    ///
    /// When another aggregate or another enum has the category, or Rewind does:
    /// at start-up, in the first test.
    #[must_use]
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        let category = <A::Event as Event>::CATEGORY;
        assert!(
            !is_reserved_category(category),
            "{category:?} is Rewind's own: no aggregate decides about it"
        );
        assert!(
            self.decider(category).is_none(),
            "two aggregates decide about `{category}`"
        );
        let known = Arc::make_mut(&mut self.known);
        known.deciders.push(Decider::new::<A>());
        self.declare(A::Event::declarations());
        self
    }

    /// Registers a gateway.
    ///
    /// # Panics
    ///
    /// When the name is taken, or is none: at start-up, in the first test.
    #[must_use]
    pub fn gateway<G: Gateway>(mut self) -> Self {
        let caller = Caller::new::<G>();
        let name = caller.name;
        assert!(self.caller(name).is_none(), "two gateways are named {name}");
        let known = Arc::make_mut(&mut self.known);
        known.gateways.insert(name, caller.checker());
        self.callers.push(caller);
        self.share();
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
        self.share();
        self
    }

    /// Checks an event that comes in from outside, or that the domain emits:
    /// see [`Categories::check`].
    ///
    /// # Errors
    ///
    /// A problem that names the member and what was expected there.
    pub fn check(&self, event: &CloudEvent) -> Result<(), Problem> {
        self.known.categories.check(&self.upcasters, event)
    }

    /// Whether the category of a recorded event is declared and its type is not:
    /// readers pass over such an event.
    pub fn is_undeclared(&self, event: &RecordedEvent) -> bool {
        let known = &self.known.categories;
        known.is_undeclared(&self.upcasters, event)
    }

    /// The declared categories.
    pub fn declared(&self) -> &Categories {
        &self.known.categories
    }

    /// The JSON Schema of the data of every event type: by category, by type,
    /// with the schema version.
    pub fn schemas(&self) -> Value {
        let of_category = |declared: &Declaration| {
            let schemas = declared.schemas().into_iter();
            let types: Map<String, Value> = schemas
                .map(|(event_type, schema)| {
                    let version = declared.types.get(&event_type);
                    let about = json!({"schemaversion": version, "schema": schema});
                    (event_type, about)
                })
                .collect();
            json!({"open": declared.is_open, "types": types})
        };
        let all = self.known.categories.iter();
        let all: Map<String, Value> = all
            .map(|declared| (declared.category.to_string(), of_category(declared)))
            .collect();
        json!({"categories": all})
    }

    /// All upcasters.
    pub fn upcasters(&self) -> &Upcasters {
        &self.upcasters
    }

    /// All categories that anything here reads or declares, those of journals and
    /// of changes of rows included. Adapters, rules and processes may write to
    /// others.
    pub fn categories(&self) -> BTreeSet<&str> {
        let feeds = self.projections.iter();
        let feeds = feeds.filter_map(|projection| projection.feed.as_ref());
        let projections = self.projections.iter();
        let projections = projections.flat_map(|projection| projection.categories);
        let reactions = self.reactions.iter();
        let reactions = reactions.flat_map(|known| known.categories.iter().map(String::as_str));
        let runners = self.runners.iter().flat_map(|known| {
            let watched = known.categories.iter().copied();
            watched.chain([known.category.as_str()])
        });
        let callers = self.callers.iter().map(|known| known.category.as_str());
        let declared = self.known.categories.iter().map(|known| known.category);
        projections
            .copied()
            .chain(reactions)
            .chain(runners)
            .chain(callers)
            .chain(feeds.map(|feed| feed.category.as_str()))
            .chain(declared)
            .chain(
                self.own_categories()
                    .map(|own: &'static str| -> &str { own }),
            )
            .collect()
    }

    /// The categories whose event types an enum declares.
    pub fn declared_categories(&self) -> impl Iterator<Item = &'static str> {
        self.known.categories.iter().map(|known| known.category)
    }

    /// The categories that an aggregate decides about.
    pub fn decided_categories(&self) -> impl Iterator<Item = &str> {
        self.deciders().iter().map(|decider| decider.category)
    }

    /// The categories of Rewind's own that commands need.
    fn own_categories(&self) -> impl Iterator<Item = &'static str> {
        let own = [
            crate::reserved::COMMAND_CATEGORY,
            crate::reserved::UNIQUE_CATEGORY,
        ];
        own.into_iter().filter(|_| !self.deciders().is_empty())
    }

    /// All that keeps a checkpoint for each stream that it reads, and has no
    /// rows.
    pub fn listeners(&self) -> Vec<Listener> {
        let reactions = self.reactions.iter().map(|reaction| Listener {
            origin: reaction.origin.clone(),
            categories: reaction.categories.clone(),
        });
        let processes = self.runners.iter().flat_map(|runner| {
            let name = runner.name;
            let watched = runner.categories.iter();
            [
                Listener {
                    origin: runner.origin.clone(),
                    categories: watched.map(ToString::to_string).collect(),
                },
                Listener {
                    origin: journal_listener(name),
                    categories: vec![runner.category.clone()],
                },
            ]
        });
        let gateways = self.callers.iter().map(|caller| Listener {
            origin: caller.origin.clone(),
            categories: vec![caller.category.clone()],
        });
        let later = Listener {
            origin: LATER.into(),
            categories: vec![crate::reserved::COMMAND_CATEGORY.into()],
        };
        let later = Some(later).filter(|_| !self.deciders().is_empty());
        let all = reactions.chain(processes).chain(gateways);
        all.chain(later).collect()
    }

    /// All aggregates.
    pub fn deciders(&self) -> &[Decider] {
        &self.known.deciders
    }

    /// The aggregate that decides about a category.
    pub fn decider(&self, category: &str) -> Option<&Decider> {
        self.known.decider(category)
    }

    /// The first of a stream's events, given as they count, that its aggregate
    /// would not allow now; `None` where it allows all, or there is none.
    pub fn first_rejected(
        &self,
        category: &str,
        events: &[&RecordedEvent],
    ) -> Option<(u64, Rejection)> {
        self.decider(category)?.first_rejected(events)
    }

    /// The service with those projections alone whose rows another database
    /// keeps as well. Their changes are told where they are kept first.
    #[must_use]
    pub fn kept_elsewhere(&self) -> Self {
        let mut kept = self.clone();
        kept.projections.retain(|known| known.table.is_some());
        for projection in &mut kept.projections {
            projection.feed = None;
        }
        kept
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

    /// All processes.
    pub fn runners(&self) -> &[Runner] {
        &self.runners
    }

    /// The process of this name.
    pub fn runner(&self, name: &str) -> Option<&Runner> {
        self.runners.iter().find(|known| known.name == name)
    }

    /// All gateways.
    pub fn callers(&self) -> &[Caller] {
        &self.callers
    }

    /// The gateway of this name.
    pub fn caller(&self, name: &str) -> Option<&Caller> {
        self.callers.iter().find(|known| known.name == name)
    }

    /// The gateway whose log a category holds.
    pub fn caller_of(&self, category: &str) -> Option<&Caller> {
        let mut callers = self.callers.iter();
        callers.find(|known| known.category == category)
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
        self.decider(category).is_some()
    }

    fn declare(&mut self, declarations: Vec<Declaration>) {
        let known = Arc::make_mut(&mut self.known);
        for declaration in declarations {
            known.categories.add(declaration);
        }
        self.share();
    }

    /// Hands upcasters and categories to all that is registered.
    fn share(&mut self) {
        let known = Arc::make_mut(&mut self.known);
        for decider in &mut known.deciders {
            decider.within(&self.upcasters, &known.categories);
        }
        for projection in &mut self.projections {
            projection.lifting(&self.upcasters);
        }
        for reaction in &mut self.reactions {
            reaction.within(&self.upcasters, &self.known);
        }
        for runner in &mut self.runners {
            runner.within(&self.upcasters, &self.known);
        }
        for caller in &mut self.callers {
            caller.within(&self.upcasters, &self.known);
        }
    }

    fn with_projection(mut self, projection: Projection) -> Self {
        let name = projection.name;
        assert!(
            reaction::is_name(name),
            "a projection is named with A-Z a-z 0-9 _ . - only: {name:?}"
        );
        assert!(
            self.projection(name).is_none(),
            "two projections are named {name}"
        );
        if let Some(table) = &projection.table {
            let others = self.projections.iter();
            table.check(others.filter_map(|known| known.table.as_ref()));
        }
        if let Some(key) = &projection.secondary_key {
            key.check();
        }
        self.projections.push(projection);
        Feed::check(&self.projections);
        self.share();
        self
    }

    fn with_reaction(mut self, reaction: Reaction) -> Self {
        let origin = &reaction.origin;
        assert!(
            self.reactions.iter().all(|known| known.origin != *origin),
            "two reactions are named {origin}"
        );
        self.reactions.push(reaction);
        self.share();
        self
    }
}
