//! The metrics: `docs/metrics.md` describes each, and alarms name them.

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Rewind";

/// The dimension that every metric has: the stack.
pub const STACK: &str = "Stack";

/// The dimension that lag has beside the stack, where it is that of one reader.
pub const READER: &str = "Reader";

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What its values are measured in.
    pub unit: Unit,
    /// The functions that write it.
    pub functions: &'static [&'static str],
}

/// A unit, as CloudWatch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Things a second.
    CountPerSecond,
}

impl Unit {
    /// CloudWatch's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::CountPerSecond => "Count/Second",
        }
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $constant:ident = $name:literal in $unit:ident of $functions:expr;)*) => {
        $($(#[$doc])* pub const $constant: Metric = Metric {
            name: $name,
            unit: Unit::$unit,
            functions: &$functions,
        };)*

        /// All metrics.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    /// Events that Kinesis has acknowledged.
    ACCEPTED = "Accepted" in Count of ["ingest"];
    /// Events that were answered with 4xx; a request that was refused as a
    /// whole counts as one.
    REFUSED = "Refused" in Count of ["ingest"];
    /// Events that Kinesis did not take, so that they were answered with 503.
    UNAVAILABLE = "Unavailable" in Count of ["ingest"];
    /// Events that the events table did not hold before, pump's own reports
    /// included.
    RECORDED = "Recorded" in Count of ["pump"];
    /// Events that were recorded before.
    REPEATED = "Repeated" in Count of ["pump"];
    /// Events whose identity belongs to other content.
    CONFLICTS = "Conflicts" in Count of ["pump"];
    /// Records that hold no event that can be recorded: they are parked.
    UNREADABLE = "Unreadable" in Count of ["pump"];
    /// Events that were folded, counted once for each generation.
    APPLIED = "Applied" in Count of ["write"];
    /// Rows that were written.
    ROWS_WRITTEN = "RowsWritten" in Count of ["write"];
    /// Events that adapters and rules emitted and Kinesis has acknowledged.
    EMITTED = "Emitted" in Count of ["microservice"];
    /// The (reader, stream) of this batch that cannot go on.
    STALLS = "Stalls" in Count of ["write", "microservice"];
    /// How old the oldest record of the batch was when the batch was done.
    BATCH_AGE = "BatchAge" in Milliseconds of ["pump", "write", "microservice"];
    /// Records of the batch that come again.
    FAILED_RECORDS = "FailedRecords" in Count of ["pump", "write", "microservice"];
    /// Events that this invocation has sent to the replay stream.
    REPLAYED = "Replayed" in Count of ["playback"];
    /// Events a second while they were sent; only where some were.
    REPLAY_RATE = "ReplayRate" in CountPerSecond of ["playback"];
    /// 1 for each time that the task `recover` has seen to all playbacks.
    SCHEDULE_RUNS = "ScheduleRuns" in Count of ["playback"];
    /// The (reader, stream) that cannot go on; at most 100 are counted.
    STALLED_STREAMS = "StalledStreams" in Count of ["playback"];
    /// Shards whose next batch fails.
    FAILING_SHARDS = "FailingShards" in Count of ["playback"];
    /// Playbacks that are not over.
    RUNNING_PLAYBACKS = "RunningPlaybacks" in Count of ["playback"];
    /// Dead letters that nobody has handled; at most 100 are counted.
    DEAD_LETTERS = "DeadLetters" in Count of ["playback"];
    /// Events that a reader has still to take; without a reader, the most of
    /// all readers.
    LAG_EVENTS = "LagEvents" in Count of ["playback"];
    /// For how long the oldest of these has waited; without a reader, the
    /// longest of all readers.
    LAG_SECONDS = "LagSeconds" in Seconds of ["playback"];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in `docs/metrics.md`: name, unit, functions.
    fn documented() -> Vec<(String, String, String)> {
        let page = include_str!("../../../../docs/metrics.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (
                cells[1].trim_matches('`').to_string(),
                cells[2].to_string(),
                cells[3].to_string(),
            )
        })
        .collect()
    }

    #[test]
    fn the_page_describes_each_metric_and_no_other() {
        let known = ALL.iter().map(|metric| {
            let unit = metric.unit.name().to_string();
            (metric.name.to_string(), unit, metric.functions.join(", "))
        });
        assert_eq!(documented(), known.collect::<Vec<_>>());
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
