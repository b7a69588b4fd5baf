//! Takes a batch of `events`, a request, or the schedule's word.

use crate::{invocation::Invocation, requests::Requests};
use futures::future::{join, join3};
use lambda_runtime::Error;
use rewind::Replay;
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    append::sweep::Sweep,
    aws::{
        batch::{self, BatchAnswer, Failures, Record},
        clock::{self, domain_now, now},
        http::{Request, Response},
        producer::Stream,
    },
    command::commands::Commands,
    data_table::shard::Shards,
    gateway::{due::Called, live::Live},
    metrics::{
        Line, Metrics,
        catalog::{BATCH_AGE, EMITTED, FAILED_RECORDS, STALLS},
    },
    outside::Outside,
    process::timer::Timer,
    react::reactor::{Reacted, Reactor},
};
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The schedule invokes the function each minute. It looks in between as well,
/// so that what a dead process has recorded is published within a minute, and a
/// deadline need not wait for the next one.
const LOOKS_FOR: Duration = Duration::from_secs(45);
/// So long calls of gateways are begun: one may take half a minute, and the
/// function has a minute.
const CALLS_FOR: Duration = Duration::from_secs(25);
const SWEEPS_EVERY: Duration = Duration::from_secs(20);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

/// microservice's handler.
#[derive(Debug)]
pub struct Handler {
    commands: Arc<Commands>,
    reactor: Reactor,
    requests: Requests,
    timer: Timer,
    sweep: Sweep,
    live: Live,
    shards: Shards,
    metrics: Metrics,
}

/// What an invocation is answered with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answered {
    /// A trigger: what has to come again.
    Batch(BatchAnswer),
    /// A request.
    Response(Box<Response>),
    /// The schedule, or an operator.
    Done {
        /// How many deadlines have fired.
        fired: usize,
        /// How many logs of gateways had a call that was due.
        called: usize,
        /// How many events were published.
        published: usize,
    },
}

impl Handler {
    /// A handler that decides through `commands`. What is emitted, and what is
    /// decided later, goes to the stream `incoming`.
    /// Without transports, calls of gateways wait.
    pub fn new(commands: Commands, incoming: Stream) -> Self {
        Self::calling(commands, incoming, Outside::none())
    }

    /// A handler that makes calls through these transports.
    pub fn calling(commands: Commands, incoming: Stream, outside: Outside) -> Self {
        let commands = Arc::new(commands);
        let (service, recorder) = (commands.service().clone(), commands.recorder().clone());
        let live = Live::new(service, recorder, outside);
        let shards = Shards::new("microservice", commands.store().clone());
        Self {
            reactor: Reactor::calling(commands.clone(), incoming.clone(), live.clone()),
            requests: Requests::new(incoming),
            timer: Timer::new(commands.service().clone(), commands.recorder().clone()),
            sweep: commands.recorder().sweep(commands.service()),
            live,
            shards,
            metrics: Metrics::none(),
            commands,
        }
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Takes an invocation of any kind.
    ///
    /// # Errors
    ///
    /// When nothing could be done: it comes again.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Answered, Error> {
        Ok(match invocation {
            Invocation::Batch(event) => Answered::Batch(self.handle(event).await?),
            Invocation::Request(request) => {
                Answered::Response(Box::new(self.answer(&request).await))
            }
            Invocation::Sweep => self.look_after().await?,
            Invocation::Deadlines => self.fire().await?,
        })
    }

    /// Fires deadlines, and publishes what dead processes have recorded, as long
    /// as there is somebody who may die, or a deadline that comes soon.
    async fn look_after(&self) -> Result<Answered, Error> {
        let until = Instant::now() + LOOKS_FOR;
        let calls_until = Instant::now() + CALLS_FOR;
        let (mut fired, mut called, mut published) = (0, 0, 0);
        loop {
            let now = domain_now();
            let calls = async {
                match Instant::now() < calls_until {
                    true => self.live.work_due(calls_until).await,
                    false => Ok(Called::default()),
                }
            };
            // The outside takes its time: nothing else waits for it.
            let fire = self.timer.fire(now, || Instant::now() < until);
            let (fires, calls, swept) = join3(fire, calls, self.sweep.sweep()).await;
            let (fires, calls, swept) = (fires?, calls?, swept?);
            fired += fires.fired;
            called += calls.due;
            published += swept.published;
            let pause = match self.timer.next(now).await? {
                Some(next) => Duration::try_from(next.duration_since(now)).unwrap_or_default(),
                None => Duration::MAX,
            };
            let call = calls.next.map(|due| {
                let left = due.saturating_sub(clock::micros());
                Duration::from_micros(left)
            });
            let pause = pause.min(call.unwrap_or(Duration::MAX));
            let pause = match swept.standing {
                0 => pause,
                _ => pause.min(SWEEPS_EVERY),
            };
            let pause = pause.max(SHORTEST_PAUSE);
            if pause > until.saturating_duration_since(Instant::now()) {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        tracing::info!(
            fired,
            called,
            published,
            "looked after deadlines, calls and publishing"
        );
        Ok(Answered::Done {
            fired,
            called,
            published,
        })
    }

    /// Fires the deadlines that are due.
    async fn fire(&self) -> Result<Answered, Error> {
        let until = Instant::now() + LOOKS_FOR;
        let fired = self
            .timer
            .fire(domain_now(), || Instant::now() < until)
            .await?;
        tracing::info!(
            fired = fired.fired,
            refused = fired.refused,
            "fired deadlines"
        );
        Ok(Answered::Done {
            fired: fired.fired,
            called: 0,
            published: 0,
        })
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn answer(&self, request: &Request) -> Response {
        self.requests.answer(&self.commands, request).await
    }

    /// Reacts to a batch. What failed is reported by its record: Lambda
    /// delivers from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let KinesisEvent { shard, records } = event;
        let deliveries = batch::deliveries_if(&records, Replay::is_for_microservice);
        let react = self.reactor.react(&deliveries);
        let (reacted, known) = join(react, self.shards.known(&shard)).await;
        let failed = match &reacted {
            Ok(reacted) => &reacted.failed,
            Err(error) => &Failures::from([(0, error.to_string())]),
        };
        self.shards.tell(&shard, &records, failed, known).await;
        self.metrics.write(&line(&records, &reacted, failed));
        let reacted = reacted?;
        tracing::info!(
            records = records.len(),
            emitted = reacted.emitted,
            stalled = reacted.stalled,
            failed = reacted.failed.len(),
            "reacted"
        );
        Ok(batch::answer(&records, &reacted.failed))
    }
}

fn line(
    records: &[Record],
    reacted: &Result<Reacted, rewind_aws::Error>,
    failed: &Failures,
) -> Line {
    let reacted = reacted.as_ref().ok();
    let line = Line::new()
        .with(EMITTED, reacted.map_or(0, |reacted| reacted.emitted))
        .with(STALLS, reacted.map_or(0, |reacted| reacted.stalled))
        .with(FAILED_RECORDS, batch::comes_again(records, failed));
    match batch::age(records, now().as_millisecond()) {
        Some(age) => line.with(BATCH_AGE, age),
        None => line,
    }
}
