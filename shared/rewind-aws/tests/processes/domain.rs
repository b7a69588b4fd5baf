//! Parcels that are chased when they do not arrive, and complaints about them.

use rewind::{
    Action, Aggregate, Command, Decision, Envelope, Event, Process, Reached, Rejection, Service,
    Timestamp, jiff::SignedDuration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ParcelEvent {
    Sent { hours: i64 },
    Arrived {},
    Lost {},
}

impl Event for ParcelEvent {
    const CATEGORY: &'static str = "parcel";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ComplaintEvent {
    Opened { late: u64 },
}

impl Event for ComplaintEvent {
    const CATEGORY: &'static str = "complaint";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ComplaintCommand {
    Open { late: u64 },
}

impl Command for ComplaintCommand {
    type Aggregate = Complaint;
}

#[derive(Debug, PartialEq, Serialize, thiserror::Error)]
pub enum ComplaintRejection {
    #[error("there is nothing to complain about")]
    Nothing,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Complaint {
    opened: u64,
}

impl Aggregate for Complaint {
    type Command = ComplaintCommand;
    type Event = ComplaintEvent;
    type Rejection = ComplaintRejection;

    fn decide(
        &self,
        ComplaintCommand::Open { late }: ComplaintCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, ComplaintRejection> {
        match late {
            0 => Err(ComplaintRejection::Nothing),
            late => Ok([ComplaintEvent::Opened { late }].into()),
        }
    }

    fn evolve(&mut self, _: &Envelope<ComplaintEvent>) {
        self.opened += 1;
    }
}

/// Whether the process takes what is lost.
pub static LOST_IS_FINE: AtomicBool = AtomicBool::new(false);

/// Waits for parcels, and complains about each that is late.
pub struct Chase;

impl Process for Chase {
    type Event = ParcelEvent;
    type State = u64;
    const NAME: &'static str = "chase";

    fn key(event: &Envelope<ParcelEvent>) -> Option<String> {
        Some(event.stream().id().to_string())
    }

    fn on(sent: &mut u64, event: &Envelope<ParcelEvent>) -> Result<Vec<Action>, Rejection> {
        Ok(match event.data {
            ParcelEvent::Sent { hours } => {
                *sent += 1;
                let at = event.timestamp()? + SignedDuration::from_hours(hours);
                vec![Action::deadline(format!("late-{sent}"), at)]
            }
            ParcelEvent::Arrived {} => vec![Action::cancel(format!("late-{sent}"))],
            ParcelEvent::Lost {} if LOST_IS_FINE.load(Ordering::SeqCst) => vec![],
            ParcelEvent::Lost {} => return Err(Rejection::new("nobody knows what to do")),
        })
    }

    fn reached(sent: &mut u64, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let open = ComplaintCommand::Open { late: *sent };
        Ok(vec![Action::command(&deadline.key, &open)?])
    }
}

pub fn service() -> Service {
    Service::new()
        .events::<ParcelEvent>()
        .aggregate::<Complaint>()
        .process::<Chase>()
}
