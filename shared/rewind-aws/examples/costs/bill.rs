//! From what was counted to dollars for a million events.

use crate::{
    function::Work,
    prices::{
        API_REQUEST, GB_IN, GB_OUT, GB_SECOND, INVOCATION, KEPT_GB, LOGGED_GB, MONTH_HOURS,
        PAYLOAD_UNIT, READ_UNIT, RESTORABLE_GB, STORED_GB, WRITE_UNIT,
    },
    system::Stored,
};
use local::template::Model;

/// Bytes of a GB.
pub const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// What an invocation logs beside its metrics, in bytes: Lambda's own lines and
/// the summary of the batch. Assumed, not counted.
pub const INVOCATION_LOG: f64 = 1_000.0;

/// What API Gateway logs of a request, in bytes. Assumed, not counted.
pub const ACCESS_LOG: f64 = 400.0;

/// For how many hours a stream keeps records at no extra price.
pub const FREE_HOURS: u32 = 24;

/// Dollars, each for a million events.
#[derive(Debug, Clone, Default)]
pub struct Bill {
    pub api: f64,
    pub invocations: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub logs: f64,
    /// With provisioned streams.
    pub payload_units: f64,
    /// With on-demand streams.
    pub gigabytes: f64,
    /// Lambda's time, as this machine took it.
    pub time: f64,
}

impl Bill {
    /// What so many events took.
    pub fn of(works: &[Work], api_requests: u64, events: usize, model: &Model) -> Self {
        let mut bill = Self {
            api: api_requests as f64 * API_REQUEST,
            logs: api_requests as f64 * ACCESS_LOG / GB * LOGGED_GB,
            ..Self::default()
        };
        for work in works {
            let put = &work.reading.put;
            bill.invocations += work.invocations as f64 * INVOCATION;
            bill.write_units += work.reading.write_units * WRITE_UNIT;
            bill.read_units += work.reading.read_units * READ_UNIT;
            bill.logs += logged(work) / GB * LOGGED_GB;
            bill.payload_units += put.payload_units as f64 * PAYLOAD_UNIT;
            bill.gigabytes += put.kilobytes as f64 * 1024.0 / GB * of_a_gigabyte(work.name, model);
            bill.time += work.gb_seconds * GB_SECOND;
        }
        bill.times(1e6 / events as f64)
    }

    fn times(self, factor: f64) -> Self {
        Self {
            api: self.api * factor,
            invocations: self.invocations * factor,
            write_units: self.write_units * factor,
            read_units: self.read_units * factor,
            logs: self.logs * factor,
            payload_units: self.payload_units * factor,
            gigabytes: self.gigabytes * factor,
            time: self.time * factor,
        }
    }

    /// All but Lambda's time, with provisioned streams.
    pub fn provisioned(&self) -> f64 {
        self.beside_streams() + self.payload_units
    }

    /// All but Lambda's time, with on-demand streams.
    pub fn on_demand(&self) -> f64 {
        self.beside_streams() + self.gigabytes
    }

    fn beside_streams(&self) -> f64 {
        self.api + self.invocations + self.write_units + self.read_units + self.logs
    }
}

/// What a function has logged, in bytes.
pub fn logged(work: &Work) -> f64 {
    let metrics: usize = work.metrics.iter().map(String::len).sum();
    metrics as f64 + work.invocations as f64 * INVOCATION_LOG
}

/// What a GB costs that this function puts on its on-demand stream: once in, out
/// once for each reader, and the days that it is kept beyond the first.
fn of_a_gigabyte(function: &str, model: &Model) -> f64 {
    let logical_id = match function {
        "pump" => "EventsStream",
        "playback" => "ReplayStream",
        _ => "IncomingStream",
    };
    let streams = model.streams.iter();
    let streams = streams.filter(|stream| stream.logical_id == logical_id);
    let dollars = streams.map(|stream| {
        let mappings = model.mappings.iter();
        let readers = mappings.filter(|mapping| mapping.stream == stream.name);
        let longer = f64::from(stream.retention_hours.saturating_sub(FREE_HOURS));
        GB_IN + readers.count() as f64 * GB_OUT + longer / MONTH_HOURS * KEPT_GB
    });
    dollars.sum()
}

/// Dollars a month for what the tables keep of a million events.
pub fn storage(stored: &Stored, events: usize) -> f64 {
    let dollars = stored.events * (STORED_GB + RESTORABLE_GB) + stored.data * STORED_GB;
    dollars / GB * 1e6 / events as f64
}
