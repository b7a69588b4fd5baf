//! Row 7: bytes and records on Kinesis, live and replayed; and what compression by
//! zstd would make of them.

use crate::{
    Result, cpu,
    table::{Figure, Line, Target},
};
use instructions::{Ids, events_from, recorded};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::{Batch, CloudEvent, Delivery, RecordedEvent, Replay, delivery::Packed, event::raw};
use serde_json::json;

/// What a shard takes in a second (AWS documentation).
const BYTES: f64 = 1_048_576.0;
const RECORDS: f64 = 1_000.0;

/// Events of a request, or of a batch of pump's, and streams that they are of.
const EVENTS: usize = 500;

/// Levels of zstd: the fastest that it recommends, and its own choice.
const LEVELS: [i32; 2] = [1, 3];

/// How often compression takes its turn.
const TIMES: usize = 20;

/// Counts it: only compression is timed.
pub fn measure() -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for streams in [1, 50] {
        let mut events = events_from("k", EVENTS, streams, 1, Ids::Numbers);
        events.sort_by(|a, b| a.stream.cmp(&b.stream));
        let incoming = events.chunk_by(|a, b| a.stream == b.stream);
        let incoming: Vec<Packed> = incoming.flat_map(Batch::encode).collect();
        let sizes: Vec<usize> = incoming.iter().map(|packed| packed.text.len()).collect();
        lines.extend(of(&format!("incoming, {streams} streams"), &events, &sizes));
        let recorded = recorded(&events);
        let runs: Vec<&[RecordedEvent]> =
            recorded.chunk_by(|a, b| a.stream() == b.stream()).collect();
        for (name, replay) in [
            ("events", None),
            ("replay", Some(Replay::new("a-playback", []))),
        ] {
            let records = Delivery::aggregate(
                runs.iter().map(|run| (run[0].stream(), *run)),
                replay.as_ref(),
            );
            let sizes: Vec<usize> = records.iter().map(Vec::len).collect();
            lines.extend(of(&format!("{name}, {streams} streams"), &recorded, &sizes));
        }
        let varied = recorded_of(varied(streams));
        let runs = varied.chunk_by(|a, b| a.stream() == b.stream());
        let records = Delivery::aggregate(runs.map(|run| (run[0].stream(), run)), None);
        let name = format!("events, {streams} streams");
        lines.extend(compressed(&name, &records, EVENTS)?);
    }
    Ok(lines)
}

/// Words of a customer.
const WORDS: &str = "please leave it at the door ring twice call before you come my neighbour \
    takes parcels on the second floor left side behind garden gate dog is friendly thanks gift \
    wrap no invoice inside fragile glass blue instead of green size large if there are none \
    small would do too as soon as possible not before noon birthday on friday for two persons";

/// Events as a shop's customers differ: ids of their own, times, sums, and a note of
/// some words.
fn varied(streams: usize) -> Vec<CloudEvent> {
    let mut dice = SmallRng::seed_from_u64(7);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut events = events_from("z", EVENTS, streams, 1, Ids::Claims);
    for event in &mut events {
        let note: Vec<&str> = (0..dice.random_range(3..12))
            .map(|_| words[dice.random_range(0..words.len())])
            .collect();
        let data = json!({
            "user_id": format!("{:032x}", dice.random::<u128>()),
            "product_id": format!("product-{}", dice.random_range(0..20_000)),
            "quantity": dice.random_range(1..5),
            "cents": dice.random_range(99..90_000),
            "note": note.join(" "),
        });
        event.data = raw(&data);
        event.id = format!("{:032x}", dice.random::<u128>());
        event.time = format!(
            "2026-11-30T09:{:02}:{:02}.{:06}Z",
            dice.random_range(0..60),
            dice.random_range(0..60),
            dice.random_range(0..1_000_000)
        );
        let visit = json!(format!("{:032x}", dice.random::<u128>()));
        event.extensions.insert("correlationid".into(), visit);
    }
    events
}

fn recorded_of(mut events: Vec<CloudEvent>) -> Vec<RecordedEvent> {
    events.sort_by(|a, b| a.stream.cmp(&b.stream));
    recorded(&events)
}

/// Events as they are packed, beside one event a record.
fn of<T: serde::Serialize>(name: &str, events: &[T], sizes: &[usize]) -> Vec<Line> {
    let count = events.len() as f64;
    let alone = events
        .iter()
        .map(|event| serde_json::to_string(event).map_or(0, |text| text.len()));
    let alone: usize = alone.sum();
    let bytes: usize = sizes.iter().sum();
    let per_second = |bytes: f64, records: f64| (BYTES / bytes).min(RECORDS / records);
    let packed = per_second(bytes as f64 / count, sizes.len() as f64 / count);
    let single = per_second(alone as f64 / count, 1.0);
    let overhead = (bytes as f64 - alone as f64) / count;
    vec![
        Line::alone(7, name, "events a shard and second", Figure::exact(packed))
            .beside("one event a record", Figure::exact(single))
            .reaching(Target::TimesMore(3.1)),
        Line::alone(
            7,
            name,
            "bytes an event",
            Figure::exact(bytes as f64 / count),
        )
        .beside("its JSON alone", Figure::exact(alone as f64 / count)),
        Line::alone(
            7,
            name,
            "bytes of overhead an event",
            Figure::exact(overhead),
        )
        .reaching(Target::AtMost(20.0)),
    ]
}

/// The same records compressed, as they would be put.
fn compressed(name: &str, records: &[Vec<u8>], events: usize) -> Result<Vec<Line>> {
    let plain: usize = records.iter().map(Vec::len).sum();
    let mut lines = Vec::new();
    for level in LEVELS {
        let pack = || {
            let records = records.iter();
            let packed = records.map(|record| zstd::bulk::compress(record, level));
            packed.collect::<std::io::Result<Vec<_>>>()
        };
        let unpack = |packed: &[Vec<u8>]| {
            let records = packed.iter().zip(records);
            let sizes = records
                .map(|(packed, record)| Ok(zstd::bulk::decompress(packed, record.len())?.len()));
            sizes.sum::<std::io::Result<usize>>()
        };
        let (mut packing, mut unpacking) = (Figure::default(), Figure::default());
        let mut bytes = 0;
        for _ in 0..TIMES {
            let (packed, took) = cpu::of(pack);
            let packed = packed?;
            packing.push(cpu::micros(took.cpu, events));
            let (size, took) = cpu::of(|| unpack(&packed));
            if size? != plain {
                return Err("zstd does not give back what it was given".into());
            }
            unpacking.push(cpu::micros(took.cpu, events));
            bytes = packed.iter().map(Vec::len).sum();
        }
        let of = |bytes: usize| Figure::exact(BYTES * events as f64 / bytes as f64);
        let name = format!("{name}, zstd {level}");
        lines.extend([
            Line::alone(7, &name, "events a shard and second", of(bytes))
                .beside("as they are put", of(plain)),
            Line::alone(
                7,
                format!("{name}, to compress"),
                "µs CPU an event",
                packing,
            ),
            Line::alone(
                7,
                format!("{name}, to decompress"),
                "µs CPU an event",
                unpacking,
            ),
        ]);
    }
    Ok(lines)
}
