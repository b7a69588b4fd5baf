//! The testing kit for aggregates: given these events, when this command.

use rewind::{Aggregate, Envelope, Event, Rejection, Service, testing::given};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Default)]
struct Account {
    cents: u64,
}

#[derive(Deserialize)]
struct Withdraw {
    cents: u64,
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
    type Command = Withdraw;
    type Event = Moved;

    fn decide(&self, command: Withdraw) -> Result<Vec<Moved>, Rejection> {
        let cents = command.cents;
        if cents > self.cents {
            return Err(Rejection::new(format!("only {} are there", self.cents)));
        }
        Ok(vec![Moved::Withdrawn { cents }])
    }

    fn evolve(&mut self, event: &Envelope<Moved>) {
        match event.data {
            Moved::Deposited { cents } => self.cents += cents,
            Moved::Withdrawn { cents } => self.cents -= cents,
        }
    }

    fn allows(&self, event: &Envelope<Moved>) -> Result<(), Rejection> {
        match event.data {
            Moved::Withdrawn { cents } if cents > self.cents => {
                Err(Rejection::new(format!("only {} are there", self.cents)))
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
    let decided = account.when::<Account>(Withdraw { cents: 300 });
    assert_eq!(decided, Ok(vec![Moved::Withdrawn { cents: 300 }]));
    let rejected = account.when::<Account>(Withdraw { cents: 301 });
    assert_eq!(rejected, Err(Rejection::new("only 300 are there")));
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
    let decided = account.when::<Account>(Withdraw { cents: 500 });
    assert_eq!(decided, Ok(vec![Moved::Withdrawn { cents: 500 }]));
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
