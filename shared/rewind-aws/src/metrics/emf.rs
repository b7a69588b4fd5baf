//! A line as the embedded metric format has it, made by `metrique`.
//!
//! Only its formatter is used: no queue, no global sink, no thread. The line is
//! written when the invocation's work is done, because Lambda freezes the
//! process behind its answer.

use super::{
    Line,
    catalog::{Metric, NAMESPACE, READER, STACK, Unit},
};
use metrique_writer_core::{
    Entry, EntryWriter, MetricFlags, Observation, Unit as WrittenUnit, Value, ValueWriter,
    format::Format, unit::NegativeScale,
};
use metrique_writer_format_emf::Emf;
use std::time::SystemTime;

/// The line's JSON, with the end of the line.
pub(super) fn text(stack: &str, line: &Line) -> Result<Vec<u8>, String> {
    let reader = line.reader.as_ref().map(|_| READER);
    let dimensions = [Some(STACK), reader].into_iter().flatten();
    let dimensions = dimensions.map(ToString::to_string).collect();
    let mut format = Emf::builder(NAMESPACE.to_string(), vec![dimensions]).build();
    let mut text = Vec::new();
    let entry = Written { stack, line };
    let formatted = format.format(&entry, &mut text);
    formatted.map_err(|error| error.to_string())?;
    Ok(text)
}

/// A line, as `metrique` asks for it.
struct Written<'l> {
    stack: &'l str,
    line: &'l Line,
}

/// A value with its unit.
struct Measured(Metric, f64);

impl Entry for Written<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(SystemTime::now());
        writer.value(STACK, self.stack);
        if let Some(reader) = &self.line.reader {
            writer.value(READER, reader.as_str());
        }
        for (metric, value) in &self.line.values {
            writer.value(metric.name, &Measured(*metric, *value));
        }
    }
}

impl Value for Measured {
    fn write(&self, writer: impl ValueWriter) {
        let Self(metric, value) = self;
        let unit = match metric.unit {
            Unit::Count => WrittenUnit::Count,
            Unit::Milliseconds => WrittenUnit::Second(NegativeScale::Milli),
            Unit::Seconds => WrittenUnit::Second(NegativeScale::One),
            Unit::CountPerSecond => WrittenUnit::Custom(metric.unit.name()),
        };
        // A count is written without a fraction.
        let value = match value.fract() == 0.0 && *value >= 0.0 {
            true => Observation::Unsigned(*value as u64),
            false => Observation::Floating(*value),
        };
        writer.metric([value], unit, [], MetricFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        Metrics,
        catalog::{ALL, LAG_EVENTS, LAG_SECONDS, RECORDED, REPLAY_RATE},
    };
    use serde_json::{Value as Json, json};

    fn written(line: &Line) -> Json {
        let (metrics, written) = Metrics::in_memory("shop-\"prod\"");
        metrics.write(line);
        let mut lines = written.take();
        assert_eq!(lines.len(), 1);
        let text = lines.remove(0);
        assert_eq!(text.matches('\n').count(), 1, "one line: {text:?}");
        assert!(text.ends_with('\n'));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_line_names_each_metric_with_its_unit_and_the_stack() {
        let line = Line::new()
            .with(RECORDED, 3_usize)
            .measured(REPLAY_RATE, 12.34);
        let mut line = written(&line);
        let time = line["_aws"]["Timestamp"].take().as_u64().unwrap();
        assert!(time > 1_600_000_000_000, "milliseconds since 1970: {time}");
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": null,
                    "CloudWatchMetrics": [{
                        "Namespace": "Rewind",
                        "Dimensions": [["Stack"]],
                        "Metrics": [
                            {"Name": "Recorded", "Unit": "Count"},
                            {"Name": "ReplayRate", "Unit": "Count/Second"},
                        ],
                    }],
                },
                "Stack": "shop-\"prod\"",
                "Recorded": 3,
                "ReplayRate": 12.3,
            })
        );
    }

    #[test]
    fn lag_has_its_reader_as_a_dimension() {
        let line = Line::of_reader("carts@1")
            .with(LAG_EVENTS, 7_u64)
            .with(LAG_SECONDS, 0_u64);
        let line = written(&line);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Stack", "Reader"]]));
        assert_eq!(
            directive["Metrics"],
            json!([{"Name": "LagEvents", "Unit": "Count"}, {"Name": "LagSeconds", "Unit": "Seconds"}])
        );
        assert_eq!(line["Reader"], "carts@1");
        assert_eq!(
            (&line["LagEvents"], &line["LagSeconds"]),
            (&json!(7), &json!(0))
        );
    }

    #[test]
    fn every_metric_has_the_unit_that_the_catalog_says() {
        for metric in ALL {
            let line = written(&Line::new().with(*metric, 1_u64));
            let told = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
            assert_eq!(
                told,
                &json!([{"Name": metric.name, "Unit": metric.unit.name()}])
            );
        }
    }

    #[test]
    fn without_a_stack_or_a_value_nothing_is_written() {
        Metrics::none().write(&Line::new().with(RECORDED, 1_usize));
        let (metrics, written) = Metrics::in_memory("s");
        metrics.write(&Line::new());
        assert!(written.take().is_empty());
    }
}
