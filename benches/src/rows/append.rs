//! Rows 3 and 4: events into the table, by the sequencer and by what one would
//! write without it.

use crate::{
    Plan, Result,
    contenders::Script,
    cpu,
    engine::Engine,
    meter::{Meter, Reading},
    table::{Figure, Line, Target},
};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_smithy_http_client::Builder;
use instructions::{Ids, events_from};
use rewind::CloudEvent;
use rewind_aws::{
    sequence::sequencer::{Outcome, Sequencer},
    wiring::Clients,
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Events of a round at one event a commit.
const SINGLE: usize = 400;

/// Events of a batch of pump's.
const BATCH: usize = 500;

/// Batches of a round.
const BATCHES: usize = 8;

/// Events of a round, each of which is a request of its own, over some streams.
struct Shape {
    name: &'static str,
    streams: usize,
}

const SHAPES: [Shape; 2] = [
    Shape {
        name: "one stream",
        streams: 1,
    },
    Shape {
        name: "256 streams",
        streams: 256,
    },
];

/// Row 3: append.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let engine = Engine::start().await?;
    let mut dynamo_es = Script::dynamo_es(&engine.at.dynamodb)?;
    let mut lines = Vec::new();
    for (nth, shape) in SHAPES.iter().enumerate() {
        let mut cpu_of: [Figure; 4] = Default::default();
        let mut rate_of: [Figure; 4] = Default::default();
        let (mut peer_cpu, mut peer_rate) = (Figure::default(), Figure::default());
        for round in 0..plan.rounds {
            let work = format!("{SINGLE} {} d{nth}.{round}.", shape.streams);
            let [append, rate, _] = dynamo_es.round(&work).await?;
            peer_cpu.push(append);
            peer_rate.push(rate);
            for way in 0..4 {
                let prefix = format!("a{nth}.{round}.{way}.");
                let ids = if way == 2 { Ids::Claims } else { Ids::Numbers };
                let count = if way == 3 { BATCH * BATCHES } else { SINGLE };
                let sequencer = Sequencer::new(engine.events(&engine.clients));
                let first = if shape.streams > 1 { 2 } else { 1 };
                let events = events_from(&prefix, count, shape.streams, first, ids);
                if shape.streams > 1 {
                    // One event of each first, so that all streams are hot.
                    let first = events_from(&prefix, shape.streams, shape.streams, 1, ids);
                    record(&sequencer, &first).await?;
                }
                let took = match way {
                    0 => raw(&engine, &engine.clients, &events).await?,
                    3 => batched(&sequencer, &events, BATCH).await?,
                    _ => batched(&sequencer, &events, 1).await?,
                };
                cpu_of[way].push(cpu::micros(took.cpu, count));
                rate_of[way].push(count as f64 / took.wall.as_secs_f64());
            }
        }
        let [raw, single, claimed, packed] = cpu_of;
        let [raw_rate, single_rate, _, packed_rate] = rate_of;
        let name = shape.name;
        let beside = "a conditional PutItem an event";
        let unit = "µs CPU an event";
        lines.extend([
            Line::alone(
                3,
                format!("append, {name}, one event a commit"),
                unit,
                single.clone(),
            )
            .beside(beside, raw.clone())
            .reaching(Target::RatioAtMost(1.1)),
            Line::alone(
                3,
                format!("append, {name}, one event a commit, claims"),
                unit,
                claimed,
            )
            .beside(beside, raw.clone()),
            Line::alone(
                3,
                format!("append, {name}, batches of {BATCH}"),
                unit,
                packed,
            )
            .beside(beside, raw),
            Line::alone(
                3,
                format!("append, {name}, one event a commit"),
                "events/s",
                single_rate.clone(),
            )
            .beside(beside, raw_rate.clone()),
            Line::alone(
                3,
                format!("append, {name}, one event a commit"),
                "events/s",
                single_rate,
            )
            .beside("dynamo-es", peer_rate)
            .reaching(Target::TimesMore(1.7)),
            Line::alone(
                3,
                format!("append, {name}, one event a commit"),
                unit,
                single,
            )
            .beside("dynamo-es", peer_cpu),
            Line::alone(
                3,
                format!("append, {name}, batches of {BATCH}"),
                "events/s",
                packed_rate,
            )
            .beside(beside, raw_rate),
        ]);
    }
    lines.extend(counted(&engine).await?);
    Ok(lines)
}

/// Requests and write units of an event, as the engine reports them.
async fn counted(engine: &Engine) -> Result<Vec<Line>> {
    let meter = Meter::around(Builder::new().build_http());
    let metered = meter.clone();
    let clients = engine
        .clients
        .clone()
        .map_config(|config| config.into_builder().http_client(metered).build());
    let mut lines = Vec::new();
    let mut line = |what: &str, own: &Reading, raw: &Reading, count: usize| {
        let each = |figure: f64| Figure::exact(figure / count as f64);
        let beside = "a conditional PutItem an event";
        lines.extend([
            Line::alone(3, what, "write units an event", each(own.write_units))
                .beside(beside, each(raw.write_units)),
            Line::alone(
                3,
                what,
                "requests an event",
                each(own.all_requests() as f64),
            )
            .beside(beside, each(raw.all_requests() as f64)),
        ]);
    };
    for ids in [Ids::Numbers, Ids::Claims] {
        let kind = match ids {
            Ids::Numbers => "numbered",
            Ids::Claims => "claimed",
        };
        for (nth, (streams, in_batch)) in [(1, 1), (1, BATCH), (256, BATCH)].into_iter().enumerate()
        {
            let count = in_batch.max(100);
            let warm = events_from(&format!("u{nth}{kind}"), streams, streams, 1, ids);
            let events = events_from(&format!("u{nth}{kind}"), count, streams, 2, ids);
            let sequencer = Sequencer::new(engine.events(&clients));
            record(&sequencer, &warm).await?;
            meter.take();
            for batch in events.chunks(in_batch) {
                record(&sequencer, batch).await?;
            }
            let own = meter.take();
            let other = events_from(&format!("v{nth}{kind}"), count, streams, 1, ids);
            raw(engine, &clients, &other).await?;
            let of = format!("append, {kind}, {streams} hot streams, {in_batch} at once");
            line(&of, &own, &meter.take(), count);
        }
    }
    Ok(lines)
}

/// Row 4: batches of 500, cold and hot, first and delivered again.
pub async fn batches(plan: &Plan) -> Result<Vec<Line>> {
    let engine = Engine::start().await?;
    // Streams of a batch, whether they are hot, and what is to be reached.
    let shapes = [
        ("50 hot streams", 50, true, 5.0),
        ("500 cold streams", BATCH, false, 0.8),
    ];
    let mut lines = Vec::new();
    for (nth, (name, streams, is_hot, least)) in shapes.into_iter().enumerate() {
        for ids in [Ids::Numbers, Ids::Claims] {
            let mut rates: [Figure; 4] = Default::default();
            for round in 0..plan.rounds {
                let prefix = format!("p{nth}{ids:?}{round}.");
                let per_batch = (BATCH / streams) as u64;
                let batch = |nth: u64| {
                    let (prefix, first) = match is_hot {
                        true => (prefix.clone(), 1 + (nth + 1) * per_batch),
                        false => (format!("{prefix}{nth}."), 1),
                    };
                    events_from(&prefix, BATCH, streams, first, ids)
                };
                let fresh = || Sequencer::new(engine.events(&engine.clients));
                let sequencer = fresh();
                if is_hot {
                    record(&sequencer, &events_from(&prefix, BATCH, streams, 1, ids)).await?;
                }
                let all: Vec<Vec<CloudEvent>> = (0..2 * BATCHES as u64).map(batch).collect();
                let (batches, others) = all.split_at(BATCHES);
                let warm = async {
                    for batch in batches {
                        record(&sequencer, batch).await?;
                    }
                    Ok::<(), crate::Error>(())
                };
                let (done, took) = cpu::during(warm).await;
                done?;
                rates[0].push(rate(took.wall));
                let other = format!("w{prefix}");
                let raw = unsafe_puts(&engine, &other, batches);
                let (done, took) = cpu::during(raw).await;
                done?;
                rates[1].push(rate(took.wall));
                // A batch that comes again mostly comes to a process that has seen
                // nothing: so it does here, both times.
                let mut walls = [Duration::ZERO; 2];
                for batch in others {
                    for wall in &mut walls {
                        let since = Instant::now();
                        record(&fresh(), batch).await?;
                        *wall += since.elapsed();
                    }
                }
                rates[2].push(rate(walls[0]));
                rates[3].push(rate(walls[1]));
            }
            let kind = match ids {
                Ids::Numbers => "numbered",
                Ids::Claims => "claimed",
            };
            let [warm, raw, first, again] = rates;
            let beside = "BatchWriteItem, which overwrites";
            let what = format!("pump's batches of {BATCH}, {name}, {kind}");
            let line = Line::alone(4, &what, "events/s", warm).beside(beside, raw);
            lines.push(match ids {
                Ids::Numbers => line.reaching(Target::TimesMore(least)),
                Ids::Claims => line,
            });
            // As times: at most 1.2 × that of the first delivery.
            let what = format!("{what}, a batch again, each to a process without a memory");
            let line = Line::alone(4, what, "events/s", again);
            let line = line.beside("the first time", first);
            lines.push(line.reaching(Target::TimesMore(0.83)));
        }
    }
    Ok(lines)
}

fn rate(wall: Duration) -> f64 {
    (BATCH * BATCHES) as f64 / wall.as_secs_f64()
}

pub(super) async fn record(sequencer: &Sequencer, events: &[CloudEvent]) -> Result<()> {
    let outcomes = sequencer.record(events).await;
    let failed = outcomes
        .iter()
        .find(|outcome| !matches!(outcome, Outcome::Recorded { .. }));
    match failed {
        None => Ok(()),
        Some(outcome) => Err(format!("not recorded: {outcome:?}").into()),
    }
}

/// The sequencer, so many events at once.
async fn batched(
    sequencer: &Sequencer,
    events: &[CloudEvent],
    at_once: usize,
) -> Result<cpu::Took> {
    let work = async {
        for batch in events.chunks(at_once) {
            record(sequencer, batch).await?;
        }
        Ok::<(), crate::Error>(())
    };
    let (done, took) = cpu::during(work).await;
    done.map(|()| took)
}

/// The items that a hand-made event store puts: one for each event.
fn item(event: &CloudEvent, version: usize, prefix: &str) -> HashMap<String, AttributeValue> {
    let text = serde_json::to_string(event).expect("an event has JSON");
    let stream = format!("{prefix}{}", event.stream);
    HashMap::from([
        ("stream".to_string(), AttributeValue::S(stream)),
        (
            "version".to_string(),
            AttributeValue::N(version.to_string()),
        ),
        ("event".to_string(), AttributeValue::S(text)),
    ])
}

/// A conditional PutItem for each event, one after the other.
async fn raw(engine: &Engine, clients: &Clients, events: &[CloudEvent]) -> Result<cpu::Took> {
    let client = clients.dynamodb();
    let mut versions: HashMap<&str, usize> = HashMap::new();
    let work = async {
        for event in events {
            let version = versions.entry(event.stream.as_str()).or_default();
            *version += 1;
            engine.put(&client, item(event, *version, "raw-")).await?;
        }
        Ok::<(), crate::Error>(())
    };
    let (done, took) = cpu::during(work).await;
    done.map(|()| took)
}

/// BatchWriteItem without a condition: a repeat overwrites, and so does a rival.
pub(super) async fn unsafe_puts(
    engine: &Engine,
    prefix: &str,
    batches: &[Vec<CloudEvent>],
) -> Result<()> {
    let client = engine.clients.dynamodb();
    let mut versions: HashMap<&str, usize> = HashMap::new();
    for batch in batches {
        let mut calls = Vec::new();
        for some in batch.chunks(25) {
            let mut puts = Vec::with_capacity(some.len());
            for event in some {
                let version = versions.entry(event.stream.as_str()).or_default();
                *version += 1;
                let put = PutRequest::builder().set_item(Some(item(event, *version, prefix)));
                puts.push(WriteRequest::builder().put_request(put.build()?).build());
            }
            let request = client.batch_write_item();
            calls.push(request.request_items(engine.raw_table(), puts).send());
        }
        // As many under way at once as the sequencer has.
        let calls = futures::stream::iter(calls);
        let mut calls = futures::StreamExt::buffer_unordered(calls, 8);
        while let Some(answer) = futures::StreamExt::next(&mut calls).await {
            answer?;
        }
    }
    Ok(())
}
