//! Aggregates at work, their types taken away.

use super::{panics::guarded, state::State, upcasters::Upcasters};
use crate::{
    Aggregate, Categories, Envelope, Event, Events, NewEvent, Problem, RecordedEvent, Rejection,
    StreamName,
    command::{Command, Refusal},
    commit::{MAX_COMMIT_BYTES, size_of},
    domain::{
        aggregate::Command as Commands,
        decision::{Expected, Unique},
        event::{
            category::Naming,
            codec::{self, Decoded},
            declaration::{named, schemas_of, types_of},
        },
        nested::take_apart_if_too_deep,
        new_event::nth_of,
    },
    record::{event::CloudEvent, reserved},
    reversal::effective,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// A registered aggregate.
#[derive(Debug, Clone)]
pub struct Decider {
    /// The category that it decides about.
    pub category: &'static str,
    /// The version of its state.
    pub version: u32,
    /// The types of its commands, in the order of the enum.
    pub commands: Vec<String>,
    schemas: fn() -> BTreeMap<String, Value>,
    begin: fn() -> State,
    restore: fn(&Value) -> Option<State>,
    evolve: fn(&mut State, &RecordedEvent) -> Result<(), Rejection>,
    check: fn(&str, &str) -> Decoded<()>,
    decide: fn(&State, &Command) -> Result<Decided, Rejection>,
    allows: fn(&State, &RecordedEvent) -> Result<(), Rejection>,
    upcasters: Arc<Upcasters>,
    categories: Categories,
}

/// What an aggregate says to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// It follows this, all of it or nothing.
    Accepted(Plan),
    /// It is refused.
    Rejected(Refusal),
}

/// What follows from a command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The events of the aggregate's own stream.
    pub events: Vec<CloudEvent>,
    /// Events of other streams of its category.
    pub others: Vec<Append>,
    /// Values that have to be free, or held by the aggregate's stream.
    pub claims: Vec<Claiming>,
    /// The streams of values that are free from now on, where the aggregate's
    /// stream holds them.
    pub releases: Vec<StreamName>,
}

/// Events of one more stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The stream.
    pub stream: StreamName,
    /// Where it has to stand.
    pub expected: Expected,
    /// Its events.
    pub events: Vec<CloudEvent>,
}

/// A value to be claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claiming {
    /// The stream of the value.
    pub stream: StreamName,
    /// The rejection if another stream holds it.
    pub taken: Refusal,
}

impl Decider {
    pub(crate) fn new<A: Aggregate>() -> Self {
        let naming = <A::Command as Commands>::NAMING;
        Self {
            category: <A::Event as Event>::CATEGORY,
            version: A::VERSION,
            commands: types_of::<A::Command>(naming),
            schemas: || schemas_of::<A::Command>(<A::Command as Commands>::NAMING),
            begin: || State::of(A::default()),
            restore: |json| {
                let state = serde_json::from_value::<A>(json.clone());
                state.ok().map(State::of)
            },
            evolve: |state, event| evolve(state.as_mut::<A>(), event),
            check: |command_type, data| {
                let naming = <A::Command as Commands>::NAMING;
                codec::decode::<A::Command>(naming, command_type, data).map(drop)
            },
            decide: decide::<A>,
            allows: |state, event| match A::Event::read(&event.event)? {
                Some(data) => {
                    let allowed = state.as_type::<A>().allows(&Envelope::new(event, data));
                    allowed.map_err(|rejection| Rejection::new(rejection.to_string()))
                }
                None => Ok(()),
            },
            upcasters: Arc::default(),
            categories: Categories::default(),
        }
    }

    /// With what a service has registered.
    pub(crate) fn within(&mut self, upcasters: &Arc<Upcasters>, categories: &Categories) {
        self.upcasters = upcasters.clone();
        self.categories = categories.clone();
    }

    /// The JSON Schema of the data of each type of command.
    pub fn schemas(&self) -> BTreeMap<String, Value> {
        (self.schemas)()
    }

    /// The state before the first event.
    pub fn begin(&self) -> State {
        (self.begin)()
    }

    /// The state that a snapshot holds; `None` where it is none of this type.
    pub fn restore(&self, snapshot: &Value) -> Option<State> {
        (self.restore)(snapshot)
    }

    /// Goes on behind an event that counts. After an error the state is of no
    /// use.
    ///
    /// # Errors
    ///
    /// When the event's data does not fit, or the aggregate's panic.
    pub fn evolve(&self, state: &mut State, event: &RecordedEvent) -> Result<(), Rejection> {
        let lifted = self.upcasters.lift(event)?;
        guarded(|| (self.evolve)(state, &lifted))
    }

    /// Checks a command before it is decided, or waits for that.
    ///
    /// # Errors
    ///
    /// A problem that names the member and what was expected there.
    pub fn check(&self, command_type: &str, data: &str) -> Result<(), Problem> {
        match (self.check)(command_type, data) {
            Decoded::Event(()) => Ok(()),
            Decoded::Undeclared | Decoded::NotJson => {
                let known = self.commands.join("`, `");
                let category = self.category;
                let why =
                    format!("the category `{category}` has no such command; it has `{known}`");
                Err(Problem::invalid("type", why))
            }
            Decoded::Misfit(misfit) => {
                let (path, what) = (misfit.path("data"), misfit.what());
                Err(Problem::invalid(&path, what.to_string()))
            }
        }
    }

    /// Decides about a command that was [checked](Self::check).
    ///
    /// # Errors
    ///
    /// What must not happen: the aggregate's panic, an event that cannot be
    /// recorded. It is no outcome, and nothing is recorded.
    pub fn decide(&self, state: &State, command: &Command) -> Result<Decided, Rejection> {
        let decided = guarded(|| (self.decide)(state, command))?;
        if let Decided::Accepted(plan) = &decided {
            self.check_events(plan)?;
        }
        Ok(decided)
    }

    fn check_events(&self, plan: &Plan) -> Result<(), Rejection> {
        let others = plan.others.iter().flat_map(|other| &other.events);
        let events: Vec<&CloudEvent> = plan.events.iter().chain(others).collect();
        for (nth, event) in events.iter().enumerate() {
            let checked = self.categories.check(&self.upcasters, event);
            let checked = checked.map_err(|problem| problem.as_rejection());
            let sized = match size_of(event) {
                ..=MAX_COMMIT_BYTES => Ok(()),
                size => Err(Rejection::new(format!(
                    "the event takes {size} bytes; at most {MAX_COMMIT_BYTES} are recorded"
                ))),
            };
            checked
                .and(sized)
                .map_err(|why| nth_of(nth, events.len(), &why))?;
        }
        Ok(())
    }

    /// Goes through events as they count; says which one is the first that is
    /// not allowed.
    pub(crate) fn first_rejected(&self, events: &[&RecordedEvent]) -> Option<(u64, Rejection)> {
        let mut state = self.begin();
        events.iter().find_map(|event| {
            let step = self.upcasters.lift(event).and_then(|lifted| {
                guarded(|| {
                    (self.allows)(&state, &lifted)?;
                    (self.evolve)(&mut state, &lifted)
                })
            });
            step.err().map(|rejection| (event.version, rejection))
        })
    }
}

fn evolve<A: Aggregate>(state: &mut A, event: &RecordedEvent) -> Result<(), Rejection> {
    if let Some(data) = A::Event::read(&event.event)? {
        state.evolve(&Envelope::new(event, data));
    }
    Ok(())
}

fn decide<A: Aggregate>(state: &State, command: &Command) -> Result<Decided, Rejection> {
    let naming = <A::Command as Commands>::NAMING;
    let data = codec::decode::<A::Command>(naming, &command.command_type, command.data.get());
    let Decoded::Event(asked) = data else {
        return Err(Rejection::new("the command's data does not fit its type"));
    };
    let decision = match state.as_type::<A>().decide(asked, command.at) {
        Ok(decision) => decision,
        Err(rejection) => return Ok(Decided::Rejected(refusal(&rejection)?)),
    };
    let category = <A::Event as Event>::CATEGORY;
    let count = decision.events.len();
    let count = count
        + decision
            .others
            .iter()
            .map(|o| o.events.len())
            .sum::<usize>();
    // Without an event of its own stream, the outcome is the first event.
    let first = usize::from(decision.events.is_empty());
    let mut nth = 0;
    let mut event = |stream: &StreamName, event: &A::Event| {
        let new = NewEvent::of_stream(stream.clone(), event).and_then(|mut new| {
            take_apart_if_too_deep(&mut new.data)?;
            new.check()?;
            Ok(new)
        });
        let new = new.map_err(|why| nth_of(nth, count, &why))?;
        nth += 1;
        Ok::<_, Rejection>(command.event(new, first + nth - 1))
    };
    let own = decision.events.iter();
    let events = own.map(|own| event(&command.stream, own));
    let events = events.collect::<Result<_, _>>()?;
    let mut others: Vec<Append> = Vec::new();
    for other in &decision.others {
        let stream = StreamName::of(category, &other.id)?;
        if stream == command.stream || others.iter().any(|known| known.stream == stream) {
            return Err(Rejection::new(
                "a decision names the same stream twice; its events belong together",
            ));
        }
        let own = other.events.iter().map(|other| event(&stream, other));
        let events = own.collect::<Result<Vec<_>, _>>()?;
        if !events.is_empty() {
            others.push(Append {
                expected: other.expected,
                events,
                stream,
            });
        }
    }
    let claims = decision.claims.iter().map(|(unique, taken)| {
        Ok::<_, Rejection>(Claiming {
            stream: unique_stream(category, unique)?,
            taken: refusal(taken)?,
        })
    });
    let claims: Vec<Claiming> = claims.collect::<Result<_, _>>()?;
    let releases = decision.releases.iter();
    let releases = releases.map(|unique| unique_stream(category, unique));
    let releases: Vec<StreamName> = releases.collect::<Result<_, _>>()?;
    let plan = Plan {
        events,
        others,
        // What is claimed again in the same decision is not released.
        releases: releases
            .into_iter()
            .filter(|stream| claims.iter().all(|claim| claim.stream != *stream))
            .collect(),
        claims,
    };
    Ok(Decided::Accepted(plan))
}

/// The recorded form of a typed rejection.
pub(crate) fn refusal<R: std::error::Error + serde::Serialize>(
    rejection: &R,
) -> Result<Refusal, Rejection> {
    let (name, data) = named(Naming::KebabCase, rejection)?;
    let reason = Rejection::new(rejection.to_string()).reason;
    Ok(Refusal { name, reason, data })
}

/// The stream of a unique value.
fn unique_stream(category: &str, unique: &Unique) -> Result<StreamName, Rejection> {
    let text = json!([category, unique.name, unique.hash]).to_string();
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    Ok(StreamName::of(
        reserved::UNIQUE_CATEGORY,
        &format!("{category}.{}.{hash}", unique.name),
    )?)
}

/// The state of an aggregate after all events of its stream, without those
/// that were reversed and those whose type is not declared.
///
/// # Errors
///
/// When the data of a declared type does not fit.
pub fn state_of<A: Aggregate>(
    upcasters: &Upcasters,
    events: &[RecordedEvent],
) -> Result<A, Rejection> {
    let mut state = A::default();
    for event in effective(events) {
        let lifted = upcasters.lift(event)?;
        evolve(&mut state, &lifted)?;
    }
    Ok(state)
}
