//! An event source mapping that does what AWS allows it to do, and worse.

use crate::{
    settings::Mischief,
    world::{Function, Process, World},
};
use aws_lambda_events::kinesis::KinesisEvent;
use aws_sdk_kinesis::types::ShardIteratorType;
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind_aws::records::BatchAnswer;
use serde_json::{Value, json};
use std::{
    pin::{Pin, pin},
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};
use tokio::task::JoinHandle;

/// A batch as the trigger hands it over, to be filled in.
static MOULD: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../events/pump.json");
    serde_json::from_str(text).unwrap()
});

/// The most records of one batch.
const MAX_BATCH: usize = 12;

/// A record of a shard.
#[derive(Debug, Clone)]
pub struct Record {
    pub sequence_number: String,
    pub key: String,
    pub data: Vec<u8>,
}

/// One shard on its way into one function.
pub struct Lane {
    world: Arc<World>,
    pub function: Function,
    shard: String,
    dice: SmallRng,
    process: Arc<Process>,
    /// What was read, without what was lost.
    records: Vec<Record>,
    /// Up to where it was read.
    read: Option<String>,
    /// How many of the records are finished.
    finished: usize,
    zombies: Vec<JoinHandle<()>>,
    is_good: bool,
    /// How many records were lost.
    pub lost: usize,
}

impl Lane {
    pub fn new(world: &Arc<World>, function: Function, nth: i32) -> Self {
        let seed = world.settings.seed ^ (function as u64 + 1) << 32 ^ (nth as u64 + 1) << 40;
        Self {
            world: world.clone(),
            function,
            shard: shard_id(nth),
            dice: SmallRng::seed_from_u64(seed),
            process: Arc::new(world.process(function)),
            records: Vec::new(),
            read: None,
            finished: 0,
            zombies: Vec::new(),
            is_good: false,
            lost: 0,
        }
    }

    fn chance(&mut self, mischief: Mischief, chance: f64) -> bool {
        self.dice.random_bool(chance) && !self.is_good && self.world.settings.has(mischief)
    }

    /// One turn, with mischief.
    pub async fn turn(&mut self) {
        self.read().await;
        if self.chance(Mischief::Delay, 0.3) {
            return;
        }
        if self.chance(Mischief::Repeat, 0.15) && self.finished > 0 {
            let from = self.dice.random_range(0..self.finished);
            if self.dice.random() {
                // The whole shard from there on, as after a lost checkpoint.
                self.finished = from;
            } else {
                let to = self.finished.min(from + MAX_BATCH);
                self.process.handle(batch(&self.records[from..to])).await;
            }
        }
        let waiting = self.records.len() - self.finished;
        if waiting == 0 {
            return;
        }
        let size = self.dice.random_range(1..=waiting.min(MAX_BATCH));
        let to = self.finished + size;
        if self.chance(Mischief::Zombie, 0.25) {
            self.leave_running(to);
        }
        let polls = self.dice.random_range(1..=80);
        let is_killed = self.chance(Mischief::Kill, 0.3);
        let invocation = self.process.handle(batch(&self.records[self.finished..to]));
        if !is_killed {
            let answer = invocation.await;
            self.settle(to, answer);
            return;
        }
        match (Killed { invocation: pin!(invocation), polls }).await {
            Some(answer) => self.settle(to, answer),
            None => self.restart(),
        }
    }

    /// One turn as on a good day. Says whether there was anything to do.
    pub async fn calm_turn(&mut self) -> bool {
        self.read().await;
        let waiting = self.records.len() - self.finished;
        let to = self.finished + waiting.min(MAX_BATCH);
        if waiting > 0 {
            let invocation = self.process.handle(batch(&self.records[self.finished..to]));
            let answer = invocation.await;
            self.settle(to, answer);
        }
        waiting > 0
    }

    /// Waits for what still runs of invocations that were given up.
    pub async fn bury(&mut self) {
        for zombie in self.zombies.drain(..) {
            zombie.await.unwrap();
        }
    }

    /// An invocation that is taken for dead: it is delivered again while it
    /// runs, ends at any of its awaits or goes on to the end, and nobody
    /// listens to what it says.
    fn leave_running(&mut self, to: usize) {
        let event = batch(&self.records[self.finished..to]);
        let polls = match self.dice.random() {
            true => usize::MAX,
            false => self.dice.random_range(1..=150),
        };
        let process = self.process.clone();
        self.restart();
        self.zombies.push(tokio::spawn(async move {
            let invocation = pin!(process.handle(event));
            Killed { invocation, polls }.await;
        }));
    }

    fn restart(&mut self) {
        self.process = Arc::new(self.world.process(self.function));
    }

    /// From the lowest failed record on, the shard is delivered again.
    fn settle(&mut self, to: usize, answer: Option<BatchAnswer>) {
        let Some(answer) = answer else { return };
        let batch = &self.records[self.finished..to];
        let failed = answer.batch_item_failures.iter();
        let places = failed.map(|failure| {
            let number = &failure.item_identifier;
            let place = batch.iter().position(|record| record.sequence_number == *number);
            place.expect("a failure names a record of the batch")
        });
        self.finished += places.min().unwrap_or(to - self.finished);
    }

    async fn read(&mut self) {
        let stream = self.world.trigger(self.function);
        let after = self.read.as_deref();
        let new = read(&self.world.kinesis, &stream, &self.shard, after).await;
        for record in new {
            self.read = Some(record.sequence_number.clone());
            // `incoming` is what was acknowledged: nothing of it may be lost.
            if self.function != Function::Pump && self.chance(Mischief::Lose, 0.15) {
                self.lost += 1;
            } else {
                self.records.push(record);
            }
        }
    }

    /// No more mischief.
    pub fn be_good(&mut self) {
        self.is_good = true;
    }
}

/// A future that is dropped after some polls: at any of its awaits.
struct Killed<'a, F> {
    invocation: Pin<&'a mut F>,
    polls: usize,
}

impl<F: Future> Future for Killed<'_, F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.invocation.as_mut().poll(context).map(Some)
    }
}

pub fn shard_id(nth: i32) -> String {
    format!("shardId-{nth:012}")
}

/// All records of a shard behind a sequence number.
pub async fn read(
    kinesis: &aws_sdk_kinesis::Client,
    stream: &str,
    shard: &str,
    after: Option<&str>,
) -> Vec<Record> {
    let mut records = Vec::new();
    let mut after = after.map(ToString::to_string);
    loop {
        let iterator = kinesis.get_shard_iterator().stream_name(stream).shard_id(shard);
        let iterator = match &after {
            Some(after) => iterator
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(after),
            None => iterator.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let iterator = iterator.send().await.unwrap();
        let page = kinesis.get_records().limit(1000);
        let page = page.set_shard_iterator(iterator.shard_iterator).send();
        let page = page.await.unwrap();
        let Some(last) = page.records().last() else {
            return records;
        };
        after = Some(last.sequence_number.clone());
        let is_last = page.records().len() < 1000;
        records.extend(page.records.into_iter().map(|record| Record {
            sequence_number: record.sequence_number,
            key: record.partition_key,
            data: record.data.into_inner(),
        }));
        if is_last {
            return records;
        }
    }
}

fn batch(records: &[Record]) -> KinesisEvent {
    let mould = &MOULD["Records"][0];
    let records = records.iter().map(|record| {
        let mut filled = mould.clone();
        filled["eventID"] = format!("shardId-000000000000:{}", record.sequence_number).into();
        filled["kinesis"]["partitionKey"] = record.key.clone().into();
        filled["kinesis"]["sequenceNumber"] = record.sequence_number.clone().into();
        filled["kinesis"]["data"] = STANDARD.encode(&record.data).into();
        filled
    });
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    serde_json::from_value(event).unwrap()
}
