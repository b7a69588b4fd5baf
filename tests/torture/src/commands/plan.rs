//! The commands that are sent. Each depends on the seed and its number alone.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

/// Owners, who have applications with the same few names.
const OWNERS: u64 = 20;
const NAMES: u64 = 12;
const PRODUCTS: u64 = 10;
const CREDENTIALS: u64 = 40;

/// All commands of one torture.
pub struct Plan {
    seed: u64,
    commands: u64,
    aggregates: u64,
}

impl Plan {
    /// Plans a number of commands over a number of applications.
    pub fn new(seed: u64, commands: u64, aggregates: u64) -> Self {
        Self {
            seed,
            commands,
            aggregates,
        }
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of commands.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Returns the streams of the applications.
    pub fn streams(&self) -> impl Iterator<Item = String> {
        (0..self.aggregates).map(|nth| format!("application-{nth}"))
    }

    /// Returns the key of a command.
    pub fn key(&self, number: u64) -> String {
        format!("torture.{number}")
    }

    /// Returns the path and the body of a command. Every application is created
    /// again now and then: it is refused, unless it is not there yet.
    pub fn command(&self, number: u64) -> (String, Value) {
        // Mixed, so that neighbouring numbers and seeds give unrelated commands.
        let mixed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = SmallRng::seed_from_u64(mixed);
        let id = match number < self.aggregates {
            true => number,
            false => dice.random_range(0..self.aggregates),
        };
        let owner = format!("owner {}", dice.random_range(0..OWNERS));
        let product = format!("product {}", dice.random_range(0..PRODUCTS));
        let credential = format!("credential {}", dice.random_range(0..CREDENTIALS));
        let kind = match number < self.aggregates {
            true => 0,
            false => dice.random_range(0..40),
        };
        let (command_type, data) = match kind {
            0..4 => {
                let name = format!("name {}", dice.random_range(0..NAMES));
                ("create-application", json!({"owner": owner, "name": name}))
            }
            4..14 => ("add-api-product", json!({"product": product})),
            14..22 => ("remove-api-product", json!({"product": product})),
            22..27 => {
                let plan = ["free", "paid"][dice.random_range(0..2)];
                ("change-plan", json!({"plan": plan}))
            }
            27..31 => ("change-owner", json!({"owner": owner})),
            31..36 => {
                // Half of them expire at once.
                let expires = ["2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"];
                let expires = expires[dice.random_range(0..2)];
                let data = json!({"credential": credential, "expires": expires});
                ("generate-credential", data)
            }
            _ => ("expire-credential", json!({"credential": credential})),
        };
        let body = json!({"id": self.key(number), "type": command_type, "data": data});
        (format!("/commands/application/{id}"), body)
    }
}
