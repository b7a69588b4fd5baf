//! Row 7: bytes and records on Kinesis, live and replayed; and what compression by
//! zstd would make of them.

use crate::{
    Result, cpu,
    table::{Figure, Line, Target},
};
use instructions::{Ids, events_from, recorded};
use rewind::{Batch, Delivery, RecordedEvent, Replay, delivery::Packed};

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
            if replay.is_none() {
                let name = format!("{name}, {streams} streams");
                lines.extend(compressed(&name, &records, recorded.len())?);
            }
        }
    }
    Ok(lines)
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
