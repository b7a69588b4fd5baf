//! A domain whose rows a column may refuse, beside the shipped one.

use rewind::{
    Envelope, Event, MultiStreamProjection, Rejection, Reverted, Service, SingleStreamProjection,
    Table, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is measured. The declaration of the table is the `SHAPE` of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum MeasureEvent {
    Measured { n: u64, note: String },
    Erased,
}

impl Event for MeasureEvent {
    const CATEGORY: &'static str = "measure";
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub n: u64,
    pub note: String,
    pub count: u64,
    pub erased: bool,
}

/// The last measure of a stream. A `SHAPE` of 2 declares other columns.
pub struct Measures<const SHAPE: u32>;
impl<const SHAPE: u32> SingleStreamProjection for Measures<SHAPE> {
    type Event = MeasureEvent;
    type Row = Measure;
    const NAME: &'static str = "measures";
    const VERSION: u32 = SHAPE;
    fn table() -> Option<Table<Measure>> {
        let table = Table::named("measures");
        Some(match SHAPE {
            0 => return None,
            1 => table
                .column("n", |_, row: &Measure| row.n)
                .column("note", |_, row: &Measure| row.note.clone())
                .column("order", |_, row: &Measure| row.count),
            _ => table
                .column("n", |_, row: &Measure| row.n.to_string())
                .column("half", |_, row: &Measure| row.n as f64 / 2.0)
                .column("is_large", |_, row: &Measure| (row.n > 10).then_some(true))
                .column("day", |_, row: &Measure| {
                    Timestamp::from_second(i64::try_from(row.n % 1_000_000).unwrap()).unwrap()
                })
                .column("all", |key, row: &Measure| json!({"key": key, "n": row.n})),
        })
    }
    fn apply(row: &mut Measure, event: &Envelope<MeasureEvent>) -> Result<(), Rejection> {
        match &event.data {
            MeasureEvent::Measured { n, note } => {
                row.n = *n;
                row.note.clone_from(note);
                row.count += 1;
            }
            MeasureEvent::Erased => row.erased = true,
        }
        Ok(())
    }
    fn is_deleted(row: &Measure) -> bool {
        row.erased
    }
    fn revert(_: &mut Measure, _: &Envelope<MeasureEvent>) -> Result<Reverted, Rejection> {
        Ok(Reverted::FoldAgain)
    }
}

/// How often each number was measured, by note.
pub struct Notes;
impl MultiStreamProjection for Notes {
    type Event = MeasureEvent;
    type Row = u64;
    const NAME: &'static str = "notes";
    fn table() -> Option<Table<u64>> {
        Some(Table::named("notes").column("total", |_, total: &u64| *total))
    }
    fn keys(event: &Envelope<MeasureEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            MeasureEvent::Measured { note, .. } => vec![note.clone(), "all".into()],
            MeasureEvent::Erased => vec![],
        })
    }
    fn apply(_: &str, total: &mut u64, event: &Envelope<MeasureEvent>) -> Result<(), Rejection> {
        if let MeasureEvent::Measured { n, .. } = &event.data {
            *total = total.saturating_add(*n);
        }
        Ok(())
    }
    fn revert(_: &str, total: &mut u64, event: &Envelope<MeasureEvent>) -> Result<(), Rejection> {
        if let MeasureEvent::Measured { n, .. } = &event.data {
            *total = total.saturating_sub(*n);
        }
        Ok(())
    }
    fn is_deleted(total: &u64) -> bool {
        *total == 0
    }
}

pub fn measured(n: u64, note: &str) -> MeasureEvent {
    MeasureEvent::Measured {
        n,
        note: note.into(),
    }
}

pub fn service<const SHAPE: u32>() -> Service {
    Service::new()
        .single_stream::<Measures<SHAPE>>()
        .multi_stream::<Notes>()
}
