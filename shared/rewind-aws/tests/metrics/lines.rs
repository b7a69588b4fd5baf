//! Lines in the embedded metric format, checked and read.

use rewind_aws::metrics::{
    Written,
    catalog::{ALL, Metric},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A line: its reader, where it has one, and its values by name.
#[derive(Debug)]
pub struct Line {
    pub reader: Option<String>,
    values: BTreeMap<String, f64>,
}

impl Line {
    /// The value of a metric.
    #[track_caller]
    pub fn value(&self, metric: Metric) -> f64 {
        let value = self.values.get(metric.name);
        *value.unwrap_or_else(|| panic!("no {} in {self:?}", metric.name))
    }

    pub fn has(&self, metric: Metric) -> bool {
        self.values.contains_key(metric.name)
    }
}

/// The lines since the last call.
pub fn taken(written: &Written) -> Vec<Line> {
    written.take().iter().map(|text| read(text)).collect()
}

/// The only line since the last call.
#[track_caller]
pub fn only(written: &Written) -> Line {
    let mut lines = taken(written);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// A line of JSON.
pub fn read(text: &str) -> Line {
    let line: Value = serde_json::from_str(text).unwrap();
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    assert_eq!(directives[0]["Namespace"], "Rewind");
    let dimensions = directives[0]["Dimensions"][0].as_array().unwrap();
    for dimension in dimensions {
        let name = dimension.as_str().unwrap();
        assert!(line[name].is_string(), "{name} has no value: {line}");
    }
    let metrics = directives[0]["Metrics"].as_array().unwrap();
    let values = metrics.iter().map(|told| {
        let name = told["Name"].as_str().unwrap();
        let known = ALL.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(told["Unit"], known.unit.name(), "{name}");
        (name.to_string(), line[name].as_f64().unwrap())
    });
    Line {
        values: values.collect(),
        reader: line["Reader"].as_str().map(ToString::to_string),
    }
}
