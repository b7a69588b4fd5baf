//! A playback as it is shown: progress, rate, time left, and of a dry run what
//! it would take.

use super::{
    difference::finding::Found,
    progress,
    record::{Approval, Playback},
    request::Request,
    state::State,
};
use jiff::Timestamp;
use rewind::Receiver;
use schemars::JsonSchema;
use serde::Serialize;

/// Prices for estimates, in US dollars: US East, on demand, November 2026.
mod price {
    /// Kinesis, a GB put.
    pub const KINESIS_IN: f64 = 0.08;
    /// Kinesis, a GB read by one function.
    pub const KINESIS_OUT: f64 = 0.04;
    /// DynamoDB, a read unit.
    pub const READ_UNIT: f64 = 0.125e-6;
}

/// The functions that read the replay stream.
const READERS: f64 = 2.0;

/// What an on-demand stream takes when it is new, in bytes a second: four
/// shards of 1 MB (AWS documentation).
const STREAM_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

/// A playback for people and programs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Playback")]
pub struct Shown<'a> {
    id: &'a str,
    state: State,
    request: &'a Request,
    to: &'a [Receiver],
    /// How much of it is sent, from 0 to 1: of one that was cancelled or has
    /// failed, until then.
    pub progress: f64,
    /// How many events were sent; on a dry run, would be.
    pub events: u64,
    records: u64,
    bytes: u64,
    /// How many events a second, so far.
    pub events_per_second: f64,
    /// How many seconds it will take, going on like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// Of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    /// Of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<&'a Approval>,
    started: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    /// Why it has failed, or why its invocations fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// What a playback would take: reading the events and sending them, not what
/// its receivers do with them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// Seconds, at the asked rate or at that of a new on-demand stream.
    pub seconds: u64,
    /// US dollars.
    pub dollars: f64,
}

impl Playback {
    /// As it is shown.
    pub fn shown(&self) -> Shown<'_> {
        let sent = self.sent();
        let progress = self.progress();
        let seconds = self.sending_ms as f64 / 1000.0;
        let is_under_way = self.state == State::Replaying && progress > 0.0;
        let left = is_under_way.then(|| (seconds / progress * (1.0 - progress)).round() as u64);
        let is_counted = self.request.dry_run && self.state == State::Completed;
        Shown {
            id: &self.id,
            state: self.state,
            request: &self.request,
            to: &self.to,
            progress: (progress * 1000.0).round() / 1000.0,
            events: sent.events,
            records: sent.records,
            bytes: sent.bytes,
            events_per_second: match self.sending_ms {
                0 => 0.0,
                _ => (sent.events as f64 / seconds).round(),
            },
            seconds_left: left,
            estimate: is_counted.then(|| self.estimate()),
            found: self.found,
            approved: self.approval.as_ref(),
            started: self.started,
            ended: self.ended,
            reason: self.why(),
        }
    }

    /// Why it has failed, or why its invocations fail.
    fn why(&self) -> Option<&str> {
        let failing = self.failing.as_ref();
        let failing = failing.filter(|_| self.state.is_running());
        let failing = failing.map(|failing| failing.reason.as_str());
        self.reason.as_deref().or(failing)
    }

    fn progress(&self) -> f64 {
        match self.state {
            State::CatchingUp | State::CarryingOut | State::CaughtUp | State::Completed => 1.0,
            State::Replaying | State::Paused | State::Cancelled | State::Failed => {
                let so_far = || progress::share(self.partitions.values());
                self.reached.unwrap_or_else(so_far)
            }
        }
    }

    /// What it would take, once a dry run has counted it.
    pub fn estimate(&self) -> Estimate {
        let sent = self.sent();
        let gigabytes = sent.billed_bytes as f64 / 1024.0 / 1024.0 / 1024.0;
        let dollars = gigabytes * (price::KINESIS_IN + READERS * price::KINESIS_OUT)
            + sent.read_units as f64 * price::READ_UNIT;
        let by_bytes = sent.bytes as f64 / STREAM_BYTES;
        let by_rate = self.request.rate;
        let by_rate = by_rate.map_or(0.0, |rate| sent.events as f64 / f64::from(rate));
        Estimate {
            seconds: by_bytes.max(by_rate).ceil() as u64,
            dollars: significant(dollars),
        }
    }
}

/// A number with three significant digits, however small it is.
fn significant(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    let unit = 10f64.powf(number.log10().floor() - 2.0);
    (number / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn a_small_number_is_not_zero() {
        for (number, expected) in [
            (0.0, "0"),
            (1.234_567e-7, "0.000000123"),
            (0.000_456_7, "0.000457"),
            (12.345, "12.3"),
            (98_765.0, "98800"),
        ] {
            let shown = format!("{:.9}", significant(number));
            let shown = shown.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(shown, expected);
        }
    }
}
