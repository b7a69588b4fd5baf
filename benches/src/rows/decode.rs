//! Row 1: from a trigger's 500 records to the inserts of pump.

use crate::{
    Plan, Result,
    canned::Canned,
    contenders::Script,
    cpu, payload,
    table::{Figure, Line, Target},
};
use instructions::{Ids, events_from};
use rewind::{Batch, CloudEvent, Head, StreamName, commit};
use rewind_aws::{aws::trigger::KinesisEvent, sequence::sequencer::Sequencer};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, hint::black_box};

/// Records of a batch, and streams that they are of.
const RECORDS: usize = 500;
const STREAMS: usize = 50;

/// How often a batch is worked on in a round.
const REPEATS: usize = 40;

/// Measures it.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let events = events_from("d", RECORDS, STREAMS, 1, Ids::Numbers);
    let payload = payload::payload(&events);
    let mut own = Figure::default();
    let (mut minimal, mut plain) = (Figure::default(), Figure::default());
    let mut handler = Figure::default();
    let mut scripts = Script::all("decode", &payload)?;
    let mut peers = vec![Figure::default(); scripts.len()];
    for _ in 0..plan.rounds {
        own.push(per_event(|| black_box(plan_of(&payload))));
        minimal.push(per_event(|| black_box(minimal_of(&payload))));
        plain.push(per_event(|| black_box(plain_of(&payload))));
        handler.push(whole(&payload).await?);
        for (script, figure) in scripts.iter_mut().zip(&mut peers) {
            let [micros] = script.round("").await?;
            figure.push(micros);
        }
    }
    let unit = "µs CPU an event";
    let mut lines = vec![
        Line::alone(1, "pump: decode and plan 500 records", unit, own.clone())
            .beside("a minimal borrowed decoder, SIMD base64", minimal)
            .reaching(Target::RatioAtMost(1.3)),
        Line::alone(1, "the same", unit, own.clone())
            .beside("`aws_lambda_events` and `serde_json`", plain),
        Line::alone(
            1,
            "pump's whole handler, hot streams, no network",
            unit,
            handler,
        ),
    ];
    let least = [3.0, 10.0];
    for ((script, figure), least) in scripts.iter().zip(peers).zip(least) {
        let line = Line::alone(1, "pump: decode and plan 500 records", unit, own.clone());
        let line = line.beside(script.name(), figure);
        lines.push(line.reaching(Target::TimesLess(least)));
    }
    Ok(lines)
}

fn per_event<T>(mut work: impl FnMut() -> T) -> f64 {
    let ((), took) = cpu::of(|| {
        for _ in 0..REPEATS {
            work();
        }
    });
    cpu::micros(took.cpu, RECORDS * REPEATS)
}

/// What pump does: as the Lambda runtime reads the payload, and as pump goes on.
fn plan_of(payload: &[u8]) -> usize {
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let event: KinesisEvent =
        serde_path_to_error::deserialize(&mut reader).expect("the payload is a trigger's");
    let mut events: Vec<CloudEvent> = Vec::with_capacity(event.records.len());
    for record in &event.records {
        events.extend(Batch::decode(&record.data).expect("a batch").events);
    }
    let mut by_stream: BTreeMap<&StreamName, Vec<&CloudEvent>> = BTreeMap::new();
    for event in &events {
        by_stream.entry(&event.stream).or_default().push(event);
    }
    let commits = by_stream
        .values()
        .flat_map(|events| commit::plan(Head::default(), events, 1));
    commits.map(|commit| commit.events.len()).sum()
}

#[derive(Deserialize)]
struct Trigger<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    kinesis: Kinesis<'a>,
}

#[derive(Deserialize)]
struct Kinesis<'a> {
    #[serde(rename = "sequenceNumber")]
    sequence_number: &'a str,
    data: &'a str,
}

#[derive(Deserialize)]
struct Events<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
}

/// The least that can be done: everything is borrowed, an event's text is put into
/// its commit as it is, and only what tells events apart is read.
fn minimal_of(payload: &[u8]) -> usize {
    let trigger: Trigger<'_> = serde_json::from_slice(payload).expect("the payload is a trigger's");
    let mut commits: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    for record in &trigger.records {
        let data = base64_simd::STANDARD
            .decode_to_vec(record.kinesis.data)
            .expect("base64");
        let events: Events<'_> = serde_json::from_slice(&data).expect("a batch");
        for event in events.events {
            let read: Attributes<'_> = serde_json::from_str(event.get()).expect("an event");
            seen += read.id.len() + read.source.len() + record.kinesis.sequence_number.len();
            let commit = commits.entry(read.subject.into_owned()).or_default();
            commit.push(if commit.is_empty() { '[' } else { ',' });
            commit.push_str(event.get());
        }
    }
    black_box(seen);
    commits.values().map(String::len).sum()
}

/// As one writes it at first: owned types, and `Value` for what is inside.
fn plain_of(payload: &[u8]) -> usize {
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let event: aws_lambda_events::kinesis::KinesisEvent =
        serde_path_to_error::deserialize(&mut reader).expect("the payload is a trigger's");
    let mut commits: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for record in &event.records {
        let mut batch: serde_json::Value =
            serde_json::from_slice(&record.kinesis.data.0).expect("a batch");
        if let Some(events) = batch["events"].as_array_mut() {
            for event in events.drain(..) {
                let stream = event["subject"].as_str().unwrap_or_default().to_string();
                commits.entry(stream).or_default().push(event);
            }
        }
    }
    let texts = commits.values();
    texts
        .map(|events| serde_json::to_string(events).map_or(0, |text| text.len()))
        .sum()
}

/// Batches through pump's handler, over services that take everything.
async fn whole(payload: &[u8]) -> Result<f64> {
    let clients = Canned::default().clients().await;
    let pump = pump::Handler::new(
        Sequencer::new(clients.event_store("events")),
        clients.stream_named("events"),
        clients.data_store("data"),
    );
    // The heads are known then.
    let first: KinesisEvent = serde_json::from_slice(payload)?;
    pump.handle(first).await;
    let mut payloads = Vec::new();
    for round in 0..REPEATS as u64 {
        let per_stream = (RECORDS / STREAMS) as u64;
        let first = 1 + (round + 1) * per_stream;
        let events = events_from("d", RECORDS, STREAMS, first, Ids::Numbers);
        payloads.push(payload::payload(&events));
    }
    let work = async {
        for payload in &payloads {
            let event: KinesisEvent = serde_json::from_slice(payload)?;
            let answer = pump.handle(event).await;
            if !answer.batch_item_failures.is_empty() {
                return Err("records have to come again".into());
            }
        }
        Ok::<(), crate::Error>(())
    };
    let (done, took) = cpu::during(work).await;
    done?;
    Ok(cpu::micros(took.cpu, RECORDS * REPEATS))
}
