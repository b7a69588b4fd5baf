//! Clients: they send, repeat, contradict themselves, and remember what they
//! were told.

use crate::{
    check::body_of,
    domain::{BEAST, FRAGILE, HOSTILE, Input, SPOILS, SPOILT, UNNOTED},
    fact::Fact,
    settings::Mischief,
    support::Number,
    truth,
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use rewind::{RecordedEvent, StreamName, reversal::REVERSED};
use rewind_aws::{
    aws::http::{Request, Response},
    reverse::reversal::{Named, Reverser},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A client and its memory.
pub struct Client {
    world: Arc<World>,
    name: String,
    dice: SmallRng,
    ingest: ingest::Handler,
    reverser: Reverser,
    next: u64,
    /// The next number of each stream, and numbers that were left out: they come
    /// late.
    numbers: BTreeMap<&'static str, (u64, Vec<u64>)>,
    is_good: bool,
    /// All that it ever sent: only these may come to be recorded. Without an
    /// id where ingest gives it.
    pub sent: Vec<Fact>,
    /// What each request was told to be accepted, in order.
    pub accepted: Vec<Vec<Fact>>,
}

impl Client {
    pub fn new(world: &Arc<World>, nth: u64) -> Self {
        Self {
            world: world.clone(),
            name: format!("/client/{nth}"),
            dice: SmallRng::seed_from_u64(world.settings.seed ^ (nth + 1) << 48),
            ingest: world.ingest(),
            reverser: world.reverser(),
            next: 0,
            numbers: BTreeMap::new(),
            is_good: false,
            sent: Vec::new(),
            accepted: Vec::new(),
        }
    }

    /// One request.
    pub async fn turn(&mut self) {
        match self.dice.random_range(0..10) {
            0..2 => {
                let event = self.event();
                self.send_one(event).await;
            }
            2 => {
                let mut event = self.event();
                event.id = None;
                self.send_one(event).await;
            }
            3..5 => {
                let input = self.input();
                let key = self.dice.random_bool(0.7).then(|| self.id());
                self.send_input(&input, key).await;
            }
            5 if self.world.settings.has(Mischief::Junk) => self.put_junk().await,
            6 | 7 => self.reverse().await,
            _ => {
                let count = self.dice.random_range(1..=8);
                let mut batch: Vec<Fact> = (0..count).map(|_| self.event()).collect();
                if self.dice.random_bool(0.3) {
                    let again = batch.choose(&mut self.dice).unwrap().clone();
                    batch.push(again);
                }
                self.send_batch(&batch).await;
            }
        }
    }

    /// Takes an event back, or what took it back: mostly one that is there.
    async fn reverse(&mut self) {
        let streams = ["count-a", "count-b", "count-c", "spread-a", "spread-b"];
        let stream = *streams.choose(&mut self.dice).unwrap();
        let table = truth::table(&self.world).await;
        let Some(events) = table.streams.get(stream) else {
            return;
        };
        // One in two is a reversal, where there are any.
        let reversals = events.iter().filter(|event| event.fact.kind == REVERSED);
        let reversals: Vec<u64> = reversals.map(|event| event.version).collect();
        let is_restored = self.dice.random_bool(0.5);
        let any = self.dice.random_range(1..=events.len() as u64);
        let reversal = reversals.choose(&mut self.dice).copied();
        let named = Named {
            stream: StreamName::new(stream).unwrap(),
            version: reversal.filter(|_| is_restored).unwrap_or(any),
        };
        // To restore the beast is to meet it again.
        let restores = self.reverser.preview(&named).await;
        let is_beast =
            |event: &RecordedEvent| event.event_type() == REVERSED && stream == "spread-b";
        if restores.is_ok_and(|preview| !is_beast(&preview.event)) {
            // Refused or failed: nothing is promised then.
            let _ = self.reverser.reverse(&named, "a test", &self.name).await;
        }
    }

    /// An event for a stream at the end of the world, which says nothing new.
    pub async fn finish(&mut self, stream: &str) {
        let world = self.world.id;
        // It has to arrive: nothing dies any more.
        self.is_good = true;
        self.next += 1;
        let id = format!("finish/{}", self.next);
        if let Some(from) = stream.strip_prefix("input:feed-") {
            let input = Input {
                from: from.to_string(),
                world,
                is_sick: false,
                spoils: None,
                items: Vec::new(),
            };
            return self.send_input(&input, Some(id)).await;
        }
        let event_type = match stream.starts_with("note-") {
            true => "noted",
            false => "counted",
        };
        let data = json!(Number { n: 1, world });
        let before = self.accepted.len();
        self.send_one(Fact::new(Some(id), &self.name, event_type, stream, &data))
            .await;
        assert!(self.accepted.len() > before, "{stream}: it is accepted");
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("{}/{}", self.name, self.next)
    }

    /// A new event, one that was sent before, or one under an id that another
    /// one has.
    fn event(&mut self) -> Fact {
        let streams = [
            "count-a", "count-b", "count-c", "count-d", "spread-a", "spread-b",
        ];
        let stream = *streams.choose(&mut self.dice).unwrap();
        let mut n = self.dice.random_range(0..60);
        if matches!(n, FRAGILE | UNNOTED | HOSTILE | SPOILT)
            && !self.world.settings.has(Mischief::Poison)
        {
            n += 10;
        }
        if self.chance(Mischief::Poison, 0.08) {
            n = *[FRAGILE, UNNOTED, HOSTILE, SPOILT]
                .choose(&mut self.dice)
                .unwrap();
        }
        if stream == "spread-b" && self.chance(Mischief::Poison, 0.1) {
            n = BEAST;
        }
        if stream.starts_with("spread") && n != BEAST {
            n %= 12;
        }
        let data = json!(Number {
            n,
            world: self.world.id
        });
        let old = self.dice.random_range(0..10);
        let known = self.sent.iter().filter(|fact| fact.id.is_some());
        let known: Vec<&Fact> = known.filter(|fact| fact.kind == "counted").collect();
        match (old, known.choose(&mut self.dice)) {
            (0..2, Some(known)) => (*known).clone(),
            (2, Some(known)) => {
                // A number is one of its stream.
                let id = known.id.clone();
                let is_number = id.as_ref().is_some_and(|id| id.starts_with('#'));
                let stream = if is_number { &*known.stream } else { stream };
                let data = if is_number {
                    json!(Number {
                        n: 1,
                        world: self.world.id
                    })
                } else {
                    data
                };
                Fact::new(id, &self.name, "counted", stream, &data)
            }
            _ => {
                let id = if self.dice.random() {
                    self.number(stream)
                } else {
                    self.id()
                };
                Fact::new(Some(id), &self.name, "counted", stream, &data)
            }
        }
    }

    /// The id of the next numbered event of a stream. Some numbers come late.
    fn number(&mut self, stream: &'static str) -> String {
        let (next, late) = self.numbers.entry(stream).or_default();
        if self.dice.random_bool(0.2) {
            *next += 1;
            late.push(*next);
        }
        if let (true, Some(late)) = (self.dice.random_bool(0.2), late.pop()) {
            return format!("#{stream}/{late}");
        }
        *next += 1;
        format!("#{stream}/{next}")
    }

    fn input(&mut self) -> Input {
        let ids = ["a", "b", "c", "fed"];
        let items = (0..self.dice.random_range(0..7)).map(|_| {
            let to = ids.choose(&mut self.dice).unwrap().to_string();
            (to, self.dice.random_range(10..40))
        });
        let items = items.collect();
        Input {
            from: ["x", "y"].choose(&mut self.dice).unwrap().to_string(),
            world: self.world.id,
            is_sick: self.chance(Mischief::Poison, 0.1),
            spoils: self
                .chance(Mischief::Poison, 0.4)
                .then(|| self.dice.random_range(0..SPOILS)),
            items,
        }
    }

    fn chance(&mut self, mischief: Mischief, chance: f64) -> bool {
        self.dice.random_bool(chance) && !self.is_good && self.world.settings.has(mischief)
    }

    async fn send_one(&mut self, event: Fact) {
        self.sent.push(event.clone());
        let is_binary = self.dice.random();
        let (headers, body) = if is_binary {
            let mut headers = json!({
                "content-type": "application/json",
                "ce-specversion": "1.0",
                "ce-source": event.source,
                "ce-type": event.kind,
                "ce-subject": event.stream,
            });
            if let Some(id) = &event.id {
                headers["ce-id"] = id.clone().into();
            }
            (headers, event.data.clone())
        } else {
            let headers = json!({"content-type": "application/cloudevents+json"});
            (headers, event.cloudevent().to_string())
        };
        let request = self.request("POST /events", headers, body);
        let Some(response) = self.call(request).await else {
            return;
        };
        if response.status_code == 202 {
            self.accept(&[event], &[body_of(&response)]);
        }
    }

    async fn send_batch(&mut self, events: &[Fact]) {
        self.sent.extend_from_slice(events);
        let headers = json!({"content-type": "application/cloudevents-batch+json"});
        let body: Value = events.iter().map(Fact::cloudevent).collect();
        let request = self.request("POST /events", headers, body.to_string());
        let Some(response) = self.call(request).await else {
            return;
        };
        let results = body_of(&response)["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), events.len(), "each event has an answer");
        let told = events.iter().zip(results);
        let (events, told): (Vec<Fact>, Vec<Value>) = told
            .filter(|(_, told)| told["status"] == 202)
            .map(|(event, told)| (event.clone(), told))
            .unzip();
        self.accept(&events, &told);
    }

    async fn send_input(&mut self, input: &Input, key: Option<String>) {
        let mut headers = json!({"content-type": "application/json"});
        if let Some(key) = &key {
            headers["idempotency-key"] = key.clone().into();
        }
        let stream = format!("input:feed-{}", input.from);
        let data = json!(input);
        let event = Fact::new(key, "/inputs/feed", "input-received", &stream, &data);
        self.sent.push(event.clone());
        let request = self.request("POST /inputs/{source}", headers, event.data.clone());
        let Some(response) = self.call(request).await else {
            return;
        };
        if response.status_code == 202 {
            self.accept(&[event], &[body_of(&response)]);
        }
    }

    /// What no producer of Rewind's puts on `incoming`.
    async fn put_junk(&mut self) {
        let junk = format!("junk {}", self.id());
        let put = self.world.kinesis.put_record();
        put.stream_name(self.world.incoming())
            .partition_key(self.name.clone())
            .data(aws_sdk_kinesis::primitives::Blob::new(junk))
            .send()
            .await
            .unwrap();
    }

    fn accept(&mut self, events: &[Fact], told: &[Value]) {
        let accepted = events.iter().zip(told).map(|(event, told)| {
            let mut event = event.clone();
            let id = told["id"].as_str().unwrap().to_string();
            assert!(event.id.is_none() || event.id.as_ref() == Some(&id));
            assert_eq!(
                told["stream"], event.stream,
                "what is answered is what was sent"
            );
            event.id = Some(id);
            event
        });
        self.accepted.push(accepted.collect());
    }

    /// Calls ingest, which may die meanwhile: the client is told nothing.
    async fn call(&mut self, request: Request) -> Option<Response> {
        let patience = Duration::from_millis(self.dice.random_range(0..20));
        let is_killed = self.chance(Mischief::Kill, 0.1);
        let answer = self.ingest.handle(&request);
        if is_killed {
            return tokio::time::timeout(patience, answer).await.ok();
        }
        Some(answer.await)
    }

    fn request(&mut self, route: &str, headers: Value, body: String) -> Request {
        let text = match route {
            "POST /events" => include_str!("../../../../events/ingest-events.json"),
            _ => include_str!("../../../../events/ingest-inputs.json"),
        };
        let mut request: Value = serde_json::from_str(text).unwrap();
        request["headers"] = headers;
        if route == "POST /inputs/{source}" {
            request["pathParameters"] = json!({"source": "feed"});
        }
        let is_encoded = self.dice.random_bool(0.3);
        request["isBase64Encoded"] = is_encoded.into();
        request["body"] = match is_encoded {
            true => STANDARD.encode(body).into(),
            false => body.into(),
        };
        serde_json::from_value(request).unwrap()
    }
}
