//! Row 7: bytes and records on Kinesis, live and replayed.

use crate::{
    Result,
    table::{Figure, Line, Target},
};
use instructions::{Ids, events_from, recorded};
use rewind::{Batch, Delivery, RecordedEvent, Replay, delivery::Packed};

/// What a shard takes in a second (AWS documentation).
const BYTES: f64 = 1_048_576.0;
const RECORDS: f64 = 1_000.0;

/// Events of a request, or of a batch of pump's, and streams that they are of.
const EVENTS: usize = 500;

/// Counts it: nothing here is timed.
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
