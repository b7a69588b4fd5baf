//! The testing kit for aggregates: given these events, when this command.

use rewind::{Aggregate, Command, Decision, Envelope, Event, Service, Timestamp, testing::given};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Account {
    cents: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Move {
    Withdraw { cents: u64 },
}

impl Command for Move {
    type Aggregate = Account;
}

#[derive(Debug, PartialEq, Serialize, thiserror::Error)]
enum NotMoved {
    #[error("only {there} are there")]
    NotEnough { there: u64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Moved {
    Deposited { cents: u64 },
    Withdrawn { cents: u64 },
}

impl Event for Moved {
    const CATEGORY: &'static str = "account";
}

impl Aggregate for Account {
    type Command = Move;
    type Event = Moved;
    type Rejection = NotMoved;

    fn decide(&self, command: Move, _: Timestamp) -> Result<Decision<Self>, NotMoved> {
        let Move::Withdraw { cents } = command;
        if cents > self.cents {
            return Err(NotMoved::NotEnough { there: self.cents });
        }
        Ok([Moved::Withdrawn { cents }].into())
    }

    fn evolve(&mut self, event: &Envelope<Moved>) {
        match event.data {
            Moved::Deposited { cents } => self.cents += cents,
            Moved::Withdrawn { cents } => self.cents -= cents,
        }
    }

    fn allows(&self, event: &Envelope<Moved>) -> Result<(), NotMoved> {
        match event.data {
            Moved::Withdrawn { cents } if cents > self.cents => {
                Err(NotMoved::NotEnough { there: self.cents })
            }
            Moved::Withdrawn { .. } | Moved::Deposited { .. } => Ok(()),
        }
    }
}

#[test]
fn a_command_is_decided_on_what_has_happened() {
    let account = given([
        Moved::Deposited { cents: 500 },
        Moved::Withdrawn { cents: 200 },
    ]);
    let asked = account.when(Move::Withdraw { cents: 300 });
    asked.then([Moved::Withdrawn { cents: 300 }]);
    let asked = account.when(Move::Withdraw { cents: 301 });
    asked.then_rejected(NotMoved::NotEnough { there: 300 });
}

#[test]
fn a_reversed_event_and_a_type_that_is_not_declared_are_left_out() {
    let account = given([
        Moved::Deposited { cents: 500 },
        Moved::Withdrawn { cents: 200 },
    ]);
    let account = account
        .stored("account-1", "statement-printed", 1, json!({"cents": 1}))
        .reversed("account-1", 2);
    let asked = account.when(Move::Withdraw { cents: 500 });
    asked.then([Moved::Withdrawn { cents: 500 }]);
}

#[test]
fn the_first_event_that_the_aggregate_does_not_allow_is_named() {
    let service = Service::new().aggregate::<Account>();
    let history = given([
        Moved::Deposited { cents: 100 },
        Moved::Deposited { cents: 500 },
    ]);
    let history = history
        .stored("account-1", "statement-printed", 1, json!({}))
        .and("1", [Moved::Withdrawn { cents: 200 }]);
    let events: Vec<_> = history.events().iter().collect();
    assert_eq!(service.first_rejected("account", &events), None);
    // As if the second deposit were reversed.
    let without = [events[0], events[2], events[3]];
    let (version, rejection) = service.first_rejected("account", &without).unwrap();
    assert_eq!((version, &*rejection.reason), (4, "only 100 are there"));
}

#[test]
fn the_category_of_an_aggregate_is_decided() {
    let service = Service::new().aggregate::<Account>();
    assert!(service.is_decided("account"));
    assert!(!service.is_decided("cart"));
    // And declared.
    assert!(service.declared().get("account").is_some());
}
