//! Clients that send commands: with keys and without, more than once, under keys
//! that others have, to processes that die. They remember what they were told.

use crate::{
    check::body_of,
    settings::Mischief,
    till::HEAVY,
    trigger::{MAX_POLLS, MAX_SLEEP, UpTo},
    world::World,
};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use rewind_aws::aws::http::{Request, Response};
use serde_json::{Map, Value, json};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// The tills.
const TILLS: [&str; 3] = ["a", "b", "c"];

/// What a client was told about a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// It is decided, and this is recorded.
    Applied(Value),
    /// It is refused.
    Rejected(Value),
    /// A stream does not stand where it was expected.
    NotThere,
    /// The key belongs to another command.
    Reused,
    /// It is taken, to be decided later.
    Later,
    /// There is no answer.
    Failed,
}

/// A command as it was sent.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its key, where whoever sent it knows it.
    pub key: Option<String>,
    pub till: &'static str,
    pub body: Value,
    /// What was told of it, each time.
    pub told: Vec<Told>,
}

/// A client and its memory.
pub struct Asker {
    world: Arc<World>,
    name: String,
    dice: SmallRng,
    process: Arc<microservice::Handler>,
    next: u64,
    running: Vec<JoinHandle<(usize, Option<Told>)>>,
    pub asked: Vec<Asked>,
}

/// What a request says beside the command.
#[derive(Debug, Clone, Copy)]
struct Manner {
    is_later: bool,
    expected: Option<u64>,
}

impl Told {
    fn of(response: &Response) -> Self {
        let body = body_of(response);
        let is = |name: &str| body["type"] == format!("urn:rewind:problem:{name}");
        match response.status_code {
            200 => Self::Applied(body["events"].clone()),
            202 => Self::Later,
            412 => {
                assert_ne!(body["expected"], body["actual"], "{body}");
                Self::NotThere
            }
            422 if is("key-reused") => Self::Reused,
            422 if is("rejected") => {
                let rejection = &body["rejection"];
                Self::Rejected(json!([rejection["name"], rejection["data"]]))
            }
            500..=599 => Self::Failed,
            status => panic!("{status}: {body}"),
        }
    }

    /// Whether it is what a key has for ever.
    pub fn is_outcome(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Rejected(_))
    }
}

impl Asker {
    pub fn new(world: &Arc<World>, nth: u64) -> Self {
        Self {
            world: world.clone(),
            name: format!("asker{nth}"),
            dice: SmallRng::seed_from_u64(world.settings.seed ^ (nth + 1) << 20),
            process: Arc::new(world.microservice()),
            next: 0,
            running: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// One command, sent one to three times.
    pub async fn turn(&mut self) {
        let nth = self.choose();
        let is_keyed = self.asked[nth].key.is_some();
        let times = match is_keyed {
            true => self.dice.random_range(1..=3),
            false => 1,
        };
        for _ in 0..times {
            let manner = Manner {
                is_later: is_keyed && self.dice.random_bool(0.3),
                expected: self
                    .dice
                    .random_bool(0.2)
                    .then(|| self.dice.random_range(0..8)),
            };
            self.send(nth, manner).await;
            if self.dice.random_bool(0.3) {
                // Another process gets the next one.
                self.restart();
            }
        }
    }

    /// A new command, one that was sent before, or another one under its key.
    fn choose(&mut self) -> usize {
        let keyed = (0..self.asked.len()).filter(|nth| self.asked[*nth].key.is_some());
        let keyed: Vec<usize> = keyed.collect();
        let known = keyed.choose(&mut self.dice).copied();
        let key = match (self.dice.random_range(0..10), known) {
            (0..2, Some(known)) => return known,
            (2, Some(known)) => self.asked[known].key.clone(),
            (3..5, _) => None,
            _ => {
                self.next += 1;
                Some(format!("{}.{}", self.name, self.next))
            }
        };
        let (till, body) = self.command();
        self.asked.push(Asked {
            key,
            till,
            body,
            told: Vec::new(),
        });
        self.asked.len() - 1
    }

    fn command(&mut self) -> (&'static str, Value) {
        let world = self.world.id;
        let dice = &mut self.dice;
        let till = *TILLS.choose(dice).unwrap();
        let to = *TILLS
            .iter()
            .filter(|id| **id != till)
            .collect::<Vec<_>>()
            .choose(dice)
            .unwrap();
        let label = format!("label {}", dice.random_range(0..3));
        let amount = dice.random_range(0..=60);
        let at = dice.random_bool(0.2).then(|| dice.random_range(0..8));
        let body = match dice.random_range(0..12) {
            0..4 => json!({"type": "open", "data": {"label": label, "world": world}}),
            4..6 => {
                let is_heavy = dice.random_bool(0.2) && self.world.settings.has(Mischief::Poison);
                let amount = if is_heavy { HEAVY } else { amount };
                json!({"type": "pay", "data": {"amount": amount, "world": world}})
            }
            6..8 => {
                let amount = amount / 4;
                json!({"type": "move", "data": {"to": to, "amount": amount, "at": at}})
            }
            8 => json!({"type": "post", "data": {"to": to, "amount": amount}}),
            9 => json!({"type": "look"}),
            10 => json!({"type": "touch"}),
            _ => json!({"type": "close"}),
        };
        (till, body)
    }

    /// Sends a command. Its process may die, or be given up while it goes on.
    async fn send(&mut self, nth: usize, manner: Manner) {
        let request = request(&self.asked[nth], manner);
        let has = |mischief| self.world.settings.has(mischief);
        let polls = self.dice.random_range(1..=MAX_POLLS);
        let is_left = self.dice.random_bool(0.2) && has(Mischief::Zombie);
        let is_killed = self.dice.random_bool(0.3) && has(Mischief::Kill);
        if is_left {
            let sleep = Duration::from_millis(self.dice.random_range(0..=MAX_SLEEP));
            let (process, is_killed) = (self.process.clone(), self.dice.random_bool(0.3));
            self.restart();
            self.running.push(tokio::task::spawn_local(async move {
                let mut answer = pin!(process.answer(&request));
                let invocation = answer.as_mut();
                let told = match (UpTo { invocation, polls }.await, is_killed) {
                    (None, false) => {
                        tokio::time::sleep(sleep).await;
                        Some(answer.await)
                    }
                    (told, _) => told,
                };
                (nth, told.as_ref().map(Told::of))
            }));
            return;
        }
        let process = self.process.clone();
        let invocation = pin!(process.answer(&request));
        let polls = if is_killed { polls } else { usize::MAX };
        match (UpTo { invocation, polls }.await) {
            Some(response) => self.asked[nth].told.push(Told::of(&response)),
            None => self.restart(),
        }
    }

    /// Another process from now on.
    pub fn restart(&mut self) {
        self.process = Arc::new(self.world.microservice());
    }

    /// Waits for what was left running, and hears what it says.
    pub async fn bury(&mut self) {
        for left in self.running.drain(..) {
            let (nth, told) = left.await.unwrap();
            self.asked[nth].told.extend(told);
        }
    }

    /// One more event for a till, at the end of the world.
    pub async fn finish(&mut self, till: &'static str) {
        let look = Asked {
            key: None,
            till,
            body: json!({"type": "look"}),
            told: Vec::new(),
        };
        let told = ask(&self.process, &look).await;
        assert!(matches!(told, Told::Applied(_)), "{told:?}");
    }
}

/// The answer to a command that is sent once more, on a good day.
pub async fn ask(process: &microservice::Handler, asked: &Asked) -> Told {
    let manner = Manner {
        is_later: false,
        expected: None,
    };
    Told::of(&process.answer(&request(asked, manner)).await)
}

/// What is known of a key; `None` where nobody knows it, and `Later` where it
/// waits.
pub async fn known(process: &microservice::Handler, key: &str) -> Option<Told> {
    let path = json!({"id": key});
    let request = of("GET /commands/{id}", &path, Map::new(), "");
    let response = process.answer(&request).await;
    let body = body_of(&response);
    match (response.status_code, body["outcome"].as_str()) {
        (404, _) => None,
        (200, Some("pending")) => Some(Told::Later),
        (200, Some("applied")) => Some(Told::Applied(body["events"].clone())),
        (200, Some("rejected")) => {
            let rejection = &body["rejection"];
            Some(Told::Rejected(json!([
                rejection["name"],
                rejection["data"]
            ])))
        }
        other => panic!("{other:?}: {body}"),
    }
}

fn request(asked: &Asked, manner: Manner) -> Request {
    let mut headers = Map::from_iter([("content-type".into(), json!("application/json"))]);
    if let Some(key) = &asked.key {
        headers.insert("idempotency-key".into(), json!(key));
    }
    if let Some(expected) = manner.expected {
        headers.insert("if-match".into(), json!(format!("\"{expected}\"")));
    }
    if manner.is_later {
        headers.insert("prefer".into(), json!("respond-async"));
    }
    let path = json!({"category": "till", "id": asked.till});
    let body = asked.body.to_string();
    of("POST /commands/{category}/{id}", &path, headers, &body)
}

fn of(route: &str, path: &Value, headers: Map<String, Value>, body: &str) -> Request {
    let text = include_str!("../../../../events/microservice-command.json");
    let mut request: Value = serde_json::from_str(text).unwrap();
    request["routeKey"] = route.into();
    request["pathParameters"] = path.clone();
    request["headers"] = headers.into();
    request["body"] = body.into();
    serde_json::from_value(request).unwrap()
}
