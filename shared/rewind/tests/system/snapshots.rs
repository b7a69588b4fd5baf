//! What a snapshot loses is lost in a test as well.

use rewind::{
    Aggregate, Command, Decision, Envelope, Event, Service, Timestamp,
    testing::{given, system},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Door {
    Locked {},
}

impl Event for Door {
    const CATEGORY: &'static str = "door";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum DoorCommand {
    Lock {},
}

impl Command for DoorCommand {
    type Aggregate = Lock;
}

#[derive(Debug, Serialize, thiserror::Error)]
#[error("it is locked")]
struct IsLocked {}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Lock {
    /// By mistake, snapshots do not have it.
    #[serde(skip)]
    is_locked: bool,
}

impl Aggregate for Lock {
    type Command = DoorCommand;
    type Event = Door;
    type Rejection = IsLocked;

    fn decide(&self, _: DoorCommand, _: Timestamp) -> Result<Decision<Self>, IsLocked> {
        match self.is_locked {
            true => Err(IsLocked {}),
            false => Ok([Door::Locked {}].into()),
        }
    }

    fn evolve(&mut self, _: &Envelope<Door>) {
        self.is_locked = true;
    }
}

#[test]
fn a_decision_sees_what_a_snapshot_loses() {
    let again = given([Door::Locked {}]).when(DoorCommand::Lock {});
    assert!(again.decide().is_err(), "without a snapshot all is well");
    let mut system = system(Service::new().aggregate::<Lock>());
    let locked = || [Door::Locked {}];
    system.when("1", DoorCommand::Lock {}).then(locked());
    system.when("1", DoorCommand::Lock {}).then(locked());
}
