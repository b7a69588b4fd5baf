//! What is decided: tills, each under a label that no other one has, and money
//! that moves between them; and a process that duns those in which nothing
//! happens.

use crate::{
    domain::{NoteEvent, is_mended},
    support::CountEvent,
};
use rewind::{
    Action, Aggregate, Command, Decision, Envelope, Event, Expected, Process, Reached, Rejection,
    SingleStreamProjection, Timestamp, jiff::SignedDuration, unique,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An amount of which a till makes an event that no item holds, until the
/// domain is mended.
pub const HEAVY: u64 = 13;

/// A number that [`Dun`] does not take, and a time at which it does nothing,
/// until the domain is mended.
pub const UNDUNNED: u64 = 12;
const UNREACHED: u64 = 5;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum TillEvent {
    Opened { label: String, world: u64 },
    Paid { amount: u64, pad: String },
    Drawn { amount: u64 },
    Looked {},
    Reminded { of: String },
    Closed {},
}

impl Event for TillEvent {
    const CATEGORY: &'static str = "till";
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub enum TillCommand {
    Open {
        label: String,
        world: u64,
    },
    Pay {
        amount: u64,
        world: u64,
    },
    /// Out of this till, into another one that stands `at` a version.
    Move {
        to: String,
        amount: u64,
        at: Option<u64>,
    },
    /// Into another till, and nothing here.
    Post {
        to: String,
        amount: u64,
    },
    Look {},
    Touch {},
    Remind {
        of: String,
    },
    Close {},
}

impl Command for TillCommand {
    type Aggregate = Till;
}

#[derive(Debug, PartialEq, Serialize, thiserror::Error)]
pub enum TillRejection {
    #[error("the till is open already")]
    Open,
    #[error("the till is not open")]
    NotOpen,
    #[error("only {there} is there")]
    NotEnough { there: u64 },
    #[error("another till has the label")]
    LabelTaken,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Till {
    label: Option<String>,
    amount: u64,
}

impl Aggregate for Till {
    type Command = TillCommand;
    type Event = TillEvent;
    type Rejection = TillRejection;

    fn decide(&self, asked: TillCommand, _: Timestamp) -> Result<Decision<Self>, TillRejection> {
        let opened = self.label.as_ref().ok_or(TillRejection::NotOpen);
        let pad = String::new();
        Ok(match asked {
            TillCommand::Open { .. } if opened.is_ok() => return Err(TillRejection::Open),
            TillCommand::Open { label, world } => {
                let own = unique("label", &label);
                Decision::from([TillEvent::Opened { label, world }])
                    .claim(own, TillRejection::LabelTaken)
            }
            TillCommand::Pay { amount, world } => {
                opened?;
                let is_heavy = amount == HEAVY && !is_mended(world);
                let pad = "x".repeat(if is_heavy { 400_000 } else { 0 });
                [TillEvent::Paid { amount, pad }].into()
            }
            TillCommand::Move { to, amount, at } => {
                opened?;
                if amount > self.amount {
                    let there = self.amount;
                    return Err(TillRejection::NotEnough { there });
                }
                let at = at.map_or(Expected::Any, Expected::Version);
                let paid = TillEvent::Paid { amount, pad };
                Decision::from([TillEvent::Drawn { amount }]).and(to, at, [paid])
            }
            TillCommand::Post { to, amount } => {
                let paid = TillEvent::Paid { amount, pad };
                Decision::nothing().and(to, Expected::Any, [paid])
            }
            TillCommand::Look {} => [TillEvent::Looked {}].into(),
            TillCommand::Touch {} => Decision::nothing(),
            TillCommand::Remind { of } => {
                opened?;
                [TillEvent::Reminded { of }].into()
            }
            TillCommand::Close {} => {
                let own = unique("label", opened?);
                Decision::from([TillEvent::Closed {}]).release(own)
            }
        })
    }

    fn evolve(&mut self, event: &Envelope<TillEvent>) {
        match &event.data {
            TillEvent::Opened { label, .. } => self.label = Some(label.clone()),
            TillEvent::Paid { amount, .. } => self.amount += amount,
            TillEvent::Drawn { amount } => self.amount -= amount,
            TillEvent::Looked {} | TillEvent::Reminded { .. } => {}
            TillEvent::Closed {} => self.label = None,
        }
    }
}

/// What is in each till.
pub struct Tills;
impl SingleStreamProjection for Tills {
    type Event = TillEvent;
    type Row = i64;
    const NAME: &'static str = "tills";
    fn apply(amount: &mut i64, event: &Envelope<TillEvent>) -> Result<(), Rejection> {
        match &event.data {
            TillEvent::Paid { amount: paid, .. } => *amount += *paid as i64,
            TillEvent::Drawn { amount: drawn } => *amount -= *drawn as i64,
            _ => {}
        }
        Ok(())
    }
}

rewind::events! {
    /// What the process watches.
    #[derive(Debug)]
    pub enum Watched {
        Till(TillEvent),
        Count(CountEvent),
    }
}

/// Which numbers the process watches.
pub fn is_watched(n: u64) -> bool {
    n % 4 < 2
}

/// What the process knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Dunned {
    taken: u64,
    /// 0 where nothing has told it.
    world: u64,
}

/// Reminds each till in which nothing was paid for a while, and counts with
/// deadlines of its own.
pub struct Dun;
impl Process for Dun {
    type Event = Watched;
    type State = Dunned;
    const NAME: &'static str = "dun";

    fn key(event: &Envelope<Watched>) -> Option<String> {
        let is_watched = match &event.data {
            Watched::Till(_) => true,
            Watched::Count(counted) => is_watched(counted.number().n),
        };
        is_watched.then(|| event.stream().id().to_string())
    }

    fn on(dunned: &mut Dunned, event: &Envelope<Watched>) -> Result<Vec<Action>, Rejection> {
        let time = event.timestamp()?;
        let within = |name: &str, minutes: u64| {
            Action::deadline(name, time + SignedDuration::from_mins(minutes as i64))
        };
        dunned.taken += 1;
        Ok(match &event.data {
            Watched::Till(TillEvent::Opened { world, .. }) => {
                dunned.world = *world;
                vec![within("idle", 40)]
            }
            Watched::Till(TillEvent::Paid { amount, .. }) => vec![within("idle", *amount)],
            Watched::Till(TillEvent::Drawn { .. } | TillEvent::Looked {}) => {
                let data = json!({"taken": dunned.taken, "at": event.version});
                vec![Action::emit("dunned", &NoteEvent::Noted(data))?]
            }
            Watched::Till(TillEvent::Reminded { .. }) => vec![],
            Watched::Till(TillEvent::Closed {}) => vec![Action::cancel("idle")],
            Watched::Count(counted) => {
                let counted = counted.number();
                dunned.world = counted.world;
                if counted.n == UNDUNNED && !is_mended(counted.world) {
                    return Err(Rejection::new("not mended yet"));
                }
                match counted.n % 4 {
                    0 => vec![within("count", counted.n)],
                    _ => vec![Action::cancel("count")],
                }
            }
        })
    }

    fn reached(dunned: &mut Dunned, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        if dunned.taken.is_multiple_of(UNREACHED) && !is_mended(dunned.world) && dunned.world > 0 {
            return Err(Rejection::new("not mended yet"));
        }
        let of = format!("{}/{}", deadline.name, dunned.taken);
        let remind = Action::command(&deadline.key, &TillCommand::Remind { of })?;
        Ok(match deadline.name.as_str() {
            "count" => {
                let at = deadline.at + SignedDuration::from_mins(30);
                vec![remind, Action::deadline("after", at)]
            }
            "after" => {
                let data = json!({"taken": dunned.taken});
                vec![Action::emit("dunned", &NoteEvent::Noted(data))?]
            }
            _ => vec![remind],
        })
    }
}
