//! Instructions of the hot paths, each with its limit: a tenth above what it took
//! when the limit was set. A path that has become faster gets a lower one.

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use instructions::{events, recorded};
use rewind::{
    Batch, Change, CloudEvent, Delivery, Envelope, Event, Head, RecordedEvent, Rejection, Service,
    SingleStreamProjection, commit, kpl::user_records,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// Events of each path.
const EVENTS: usize = 500;

/// Fails where a path takes more instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn batches() -> Vec<Vec<u8>> {
    let events = events("k", EVENTS, 50);
    let alone = events
        .iter()
        .flat_map(|event| Batch::encode(std::slice::from_ref(event)));
    alone.map(|packed| packed.text.into_bytes()).collect()
}

fn sent() -> Vec<CloudEvent> {
    events("k", EVENTS, 1)
}

fn stored() -> Vec<RecordedEvent> {
    recorded(&sent())
}

fn record() -> Vec<u8> {
    let recorded = stored();
    let run = (recorded[0].stream(), &*recorded);
    Delivery::aggregate([run], None).remove(0)
}

fn a_commit() -> rewind::Commit {
    let events = sent();
    let events: Vec<&CloudEvent> = events.iter().collect();
    commit::plan(Head::default(), &events, 1).remove(0)
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum CartEvent {
    ProductAddedToCart { product_id: String, quantity: u64 },
}

impl Event for CartEvent {
    const CATEGORY: &'static str = "cart";
}

struct Carts;

impl SingleStreamProjection for Carts {
    type Event = CartEvent;
    type Row = u64;
    const NAME: &'static str = "carts";
    fn apply(row: &mut u64, event: &Envelope<CartEvent>) -> Result<(), Rejection> {
        let CartEvent::ProductAddedToCart { quantity, .. } = &event.data;
        *row += quantity;
        Ok(())
    }
}

// pump: 500 records of `incoming`.
#[library_benchmark(config = at_most(5_610_000))]
#[bench::of_500(batches())]
fn decode(records: Vec<Vec<u8>>) -> usize {
    let batches = records
        .iter()
        .map(|record| Batch::decode(record).expect("a batch"));
    black_box(batches.map(|batch| batch.events.len()).sum())
}

// pump: a run of 500 events as commits.
#[library_benchmark(config = at_most(4_410_000))]
#[bench::of_500(sent())]
fn plan(events: Vec<CloudEvent>) -> usize {
    let events: Vec<&CloudEvent> = events.iter().collect();
    black_box(commit::plan(Head::default(), &events, 1).len())
}

// pump and playback: 500 recorded events as a record.
#[library_benchmark(config = at_most(6_530_000))]
#[bench::of_500(stored())]
fn encode(events: Vec<RecordedEvent>) -> usize {
    let run = (events[0].stream(), &*events);
    black_box(Delivery::aggregate([run], None).len())
}

// Every reader: a record of 500 events.
#[library_benchmark(config = at_most(9_720_000))]
#[bench::of_500(record())]
fn deliver(record: Vec<u8>) -> usize {
    let records = user_records(&record);
    let deliveries = records
        .iter()
        .map(|record| Delivery::decode(record).expect("a delivery"));
    black_box(deliveries.map(|delivery| delivery.events.len()).sum())
}

// playback and rebuilds: a stored commit of 500 events.
#[library_benchmark(config = at_most(5_390_000))]
#[bench::of_500(a_commit())]
fn read(commit: rewind::Commit) -> usize {
    black_box(commit.events().expect("it is whole").len())
}

// write: 500 events folded into a row.
#[library_benchmark(config = at_most(3_800_000))]
#[bench::of_500(stored())]
fn fold(events: Vec<RecordedEvent>) -> usize {
    let service = Service::new().single_stream::<Carts>();
    let carts = service.projection("carts").expect("it is registered");
    let changes: Vec<Change<'_>> = events.iter().map(Change::Apply).collect();
    black_box(carts.fold("1", None, &changes).applied)
}

library_benchmark_group!(
    name = hot,
    benchmarks = [decode, plan, encode, deliver, read, fold]
);
main!(library_benchmark_groups = hot);
