//! The values of one line.

use super::catalog::{Metric, Unit};

/// The values that one invocation reports, all under the same dimensions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    pub(super) reader: Option<String>,
    pub(super) values: Vec<(Metric, f64)>,
}

impl Line {
    /// A line of the whole stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one reader.
    pub fn of_reader(reader: &str) -> Self {
        Self {
            reader: Some(reader.to_string()),
            values: Vec::new(),
        }
    }

    /// With a number of things.
    #[must_use]
    pub fn with(self, metric: Metric, value: impl TryInto<u64>) -> Self {
        // What no u64 holds is no count: the line is written without it.
        match value.try_into() {
            Ok(value) => self.measured(metric, value as f64),
            Err(_) => self,
        }
    }

    /// With a measured value.
    #[must_use]
    pub fn measured(mut self, metric: Metric, value: f64) -> Self {
        let value = match metric.unit {
            // A tenth of an event a second says nothing.
            Unit::CountPerSecond => (value * 10.0).round() / 10.0,
            _ => value,
        };
        self.values.push((metric, value));
        self
    }
}
