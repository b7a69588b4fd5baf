//! The testing kit for aggregates: given these events, when this command.

use rewind::{Aggregate, Rejection, Service, testing::given};
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

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
enum Moved {
    Deposited { cents: u64 },
    Withdrawn { cents: u64 },
}

impl Aggregate for Account {
    type Command = Withdraw;
    type Event = Moved;
    const CATEGORY: &'static str = "account";

    fn decide(&self, command: Withdraw) -> Result<Vec<Moved>, Rejection> {
        let cents = command.cents;
        if cents > self.cents {
            return Err(Rejection::new(format!("only {} are there", self.cents)));
        }
        Ok(vec![Moved::Withdrawn { cents }])
    }

    fn evolve(&mut self, event: &Moved) {
        match event {
            Moved::Deposited { cents } => self.cents += cents,
            Moved::Withdrawn { cents } => self.cents -= cents,
        }
    }
}

#[test]
fn a_command_is_decided_on_what_has_happened() {
    let account = given([
        ("deposited", json!({"cents": 500})),
        ("withdrawn", json!({"cents": 200})),
    ]);
    let decided = account.when::<Account>(Withdraw { cents: 300 });
    assert_eq!(decided, Ok(vec![Moved::Withdrawn { cents: 300 }]));
    let refused = account.when::<Account>(Withdraw { cents: 301 });
    assert_eq!(refused, Err(Rejection::new("only 300 are there")));
}

#[test]
fn the_category_of_an_aggregate_is_decided() {
    let service = Service::new().aggregate::<Account>();
    assert!(service.is_decided("account"));
    assert!(!service.is_decided("cart"));
}
