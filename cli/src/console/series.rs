//! What the charts show, wherever the figures come from.

/// How the values of a metric come to one.
#[derive(Debug, Clone, Copy)]
pub enum Statistic {
    Sum,
    Most,
}

/// The series of a chart that come from Rewind's own metrics.
pub const SERIES: [(&str, &str, Statistic); 8] = [
    ("accepted", "Accepted", Statistic::Sum),
    ("refused", "Refused", Statistic::Sum),
    ("recorded", "Recorded", Statistic::Sum),
    ("applied", "Applied", Statistic::Sum),
    ("emitted", "Emitted", Statistic::Sum),
    ("replayed", "Replayed", Statistic::Sum),
    ("lag_events", "LagEvents", Statistic::Most),
    ("lag_seconds", "LagSeconds", Statistic::Most),
];

/// What an event passes from the post to the row.
pub const PASSED: [&str; 2] = ["pump", "write"];
