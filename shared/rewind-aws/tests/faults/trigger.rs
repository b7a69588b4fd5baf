//! An event source mapping that does what AWS allows it to do, and worse.

use crate::{
    settings::Mischief,
    world::{Function, Process, World},
};
use aws_sdk_kinesis::types::ShardIteratorType;
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind_aws::aws::batch::BatchAnswer;
use rewind_aws::aws::trigger::KinesisEvent;
use serde_json::{Value, json};
use std::{
    pin::{Pin, pin},
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::JoinHandle;

/// A batch as the trigger hands it over, to be filled in.
static MOULD: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../events/pump.json");
    serde_json::from_str(text).unwrap()
});

/// The most records of one batch.
const MAX_BATCH: usize = 12;

/// After how many polls at most an invocation is interrupted. Most take about
/// as many.
pub const MAX_POLLS: usize = 50;

/// How long a process at most sleeps before it goes on, in milliseconds: its
/// batch, and some after it, are mostly done by another one meanwhile.
pub const MAX_SLEEP: u64 = 500;

/// The most records of one read.
const MAX_PAGE: i32 = 1000;

/// A record of a shard.
#[derive(Debug, Clone)]
pub struct Record {
    pub sequence_number: String,
    pub key: String,
    /// Seconds since 1970.
    pub arrived: f64,
    pub data: Vec<u8>,
}

/// One shard on its way into one function.
pub struct Trigger {
    world: Arc<World>,
    pub function: Function,
    reader: Reader,
    dice: SmallRng,
    process: Arc<Process>,
    /// What was read, without what was lost.
    records: Vec<Record>,
    /// How many of the records are finished.
    finished: usize,
    zombies: Vec<JoinHandle<()>>,
    is_good: bool,
    /// How many records were lost.
    pub lost: usize,
}

impl Trigger {
    pub fn new(world: &Arc<World>, function: Function, nth: i32) -> Self {
        let seed = world.settings.seed ^ (function as u64 + 1) << 32 ^ (nth as u64 + 1) << 40;
        Self {
            world: world.clone(),
            function,
            reader: Reader::new(&world.kinesis, world.trigger(function), nth),
            dice: SmallRng::seed_from_u64(seed),
            process: Arc::new(world.process(function)),
            records: Vec::new(),
            finished: 0,
            zombies: Vec::new(),
            is_good: false,
            lost: 0,
        }
    }

    fn batch(&self, records: &[Record]) -> KinesisEvent {
        batch(&self.reader.stream, &self.reader.shard, records)
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
                let event = self.batch(&self.records[from..to]);
                self.process.handle(event).await;
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
        let polls = self.dice.random_range(1..=MAX_POLLS);
        let is_killed = self.chance(Mischief::Kill, 0.3);
        let polls = if is_killed { polls } else { usize::MAX };
        match self.invoke(to, polls).await {
            Some(answer) => self.settle(to, answer),
            None => self.restart(),
        }
    }

    /// Delivers up to a record. `None` where the process died, after this many
    /// polls.
    async fn invoke(&self, to: usize, polls: usize) -> Option<Option<BatchAnswer>> {
        let event = self.batch(&self.records[self.finished..to]);
        let invocation = pin!(self.process.handle(event));
        UpTo { invocation, polls }.await
    }

    /// One turn as on a good day. Says whether there was anything to do.
    pub async fn calm_turn(&mut self) -> bool {
        self.read().await;
        let waiting = self.records.len() - self.finished;
        let to = self.finished + waiting.min(MAX_BATCH);
        if waiting > 0 {
            let answer = self.invoke(to, usize::MAX).await;
            self.settle(to, answer.flatten());
        }
        waiting > 0
    }

    /// Waits for what still runs of invocations that were given up.
    pub async fn bury(&mut self) {
        for zombie in self.zombies.drain(..) {
            zombie.await.unwrap();
        }
    }

    /// An invocation that is taken for dead: it is delivered again meanwhile,
    /// ends at any of its awaits or wakes up there later and goes on, and
    /// nobody listens to what it says.
    fn leave_running(&mut self, to: usize) {
        let event = self.batch(&self.records[self.finished..to]);
        let polls = self.dice.random_range(1..=MAX_POLLS);
        let wakes_up = self.dice.random_bool(0.7);
        let sleep = Duration::from_millis(self.dice.random_range(0..=MAX_SLEEP));
        let process = self.process.clone();
        self.restart();
        self.zombies.push(tokio::task::spawn_local(async move {
            let mut invocation = pin!(process.handle(event));
            let invoked = UpTo {
                invocation: invocation.as_mut(),
                polls,
            };
            if invoked.await.is_none() && wakes_up {
                tokio::time::sleep(sleep).await;
                invocation.await;
            }
        }));
    }

    /// Another process from now on.
    pub fn restart(&mut self) {
        self.process = Arc::new(self.world.process(self.function));
    }

    /// From the lowest failed record on, the shard is delivered again.
    fn settle(&mut self, to: usize, answer: Option<BatchAnswer>) {
        let Some(answer) = answer else { return };
        let batch = &self.records[self.finished..to];
        let failed = answer.batch_item_failures.iter();
        let places = failed.map(|failure| {
            let number = &failure.item_identifier;
            let place = batch
                .iter()
                .position(|record| record.sequence_number == *number);
            place.expect("a failure names a record of the batch")
        });
        self.finished += places.min().unwrap_or(to - self.finished);
    }

    async fn read(&mut self) {
        for record in self.reader.read().await {
            // `incoming` is what was acknowledged: nothing of it may be lost.
            if self.function != Function::Pump && self.chance(Mischief::Lose, 0.15) {
                self.lost += 1;
            } else {
                self.records.push(record);
            }
        }
    }

    /// How many records it has read.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// No more mischief.
    pub fn be_good(&mut self) {
        self.is_good = true;
    }
}

/// A future up to a number of polls: to any of its awaits.
pub struct UpTo<'a, F> {
    pub invocation: Pin<&'a mut F>,
    pub polls: usize,
}

impl<F: Future> Future for UpTo<'_, F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.invocation.as_mut().poll(context).map(Some)
    }
}

/// A reader of one shard, from its beginning on.
pub struct Reader {
    kinesis: aws_sdk_kinesis::Client,
    stream: String,
    shard: String,
    iterator: Option<String>,
}

impl Reader {
    pub fn new(kinesis: &aws_sdk_kinesis::Client, stream: String, nth: i32) -> Self {
        Self {
            kinesis: kinesis.clone(),
            stream,
            shard: format!("shardId-{nth:012}"),
            iterator: None,
        }
    }

    /// What has come since the last time.
    pub async fn read(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        loop {
            let iterator = match self.iterator.take() {
                Some(iterator) => iterator,
                None => self.begin().await,
            };
            let page = self.kinesis.get_records().limit(MAX_PAGE);
            let page = page.shard_iterator(iterator).send().await.unwrap();
            self.iterator = page.next_shard_iterator;
            let is_last = page.records.len() < MAX_PAGE as usize;
            records.extend(page.records.into_iter().map(|record| {
                Record {
                    arrived: record
                        .approximate_arrival_timestamp
                        .map_or(0.0, |at| at.as_secs_f64()),
                    sequence_number: record.sequence_number,
                    key: record.partition_key.unwrap_or_default(),
                    data: record.data.into_inner(),
                }
            }));
            if is_last {
                return records;
            }
        }
    }

    async fn begin(&self) -> String {
        let iterator = self.kinesis.get_shard_iterator();
        let iterator = iterator.stream_name(&self.stream).shard_id(&self.shard);
        let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
        iterator.send().await.unwrap().shard_iterator.unwrap()
    }
}

/// The records as the trigger of a stream's shard hands them over.
fn batch(stream: &str, shard: &str, records: &[Record]) -> KinesisEvent {
    let mould = &MOULD["Records"][0];
    let records = records.iter().map(|record| {
        let mut filled = mould.clone();
        let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}");
        filled["eventSourceARN"] = arn.into();
        filled["eventID"] = format!("{shard}:{}", record.sequence_number).into();
        filled["kinesis"]["approximateArrivalTimestamp"] = record.arrived.into();
        filled["kinesis"]["partitionKey"] = record.key.clone().into();
        filled["kinesis"]["sequenceNumber"] = record.sequence_number.clone().into();
        filled["kinesis"]["data"] = STANDARD.encode(&record.data).into();
        filled
    });
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    serde_json::from_value(event).unwrap()
}
