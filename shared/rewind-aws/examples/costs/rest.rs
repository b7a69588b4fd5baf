//! What a deployment costs a month without any event.

use crate::{
    Result,
    bill::{FREE_HOURS, GB, logged},
    function::Work,
    prices::{
        ALARM, DASHBOARD, GB_SECOND, INVOCATION, LOGGED_GB, LONG_SHARD_HOUR, METRIC, MONTH_HOURS,
        READ_UNIT, SHARD_HOUR, STREAM_HOUR, WRITE_UNIT,
    },
};
use local::{Template, template::Model};
use rewind_aws::metrics::catalog::{ALL, LAG_EVENTS, LAG_SECONDS};
use serde_json::Value;
use std::collections::BTreeSet;

/// A line of the monthly bill.
pub struct Line {
    pub what: String,
    /// Dollars with provisioned streams.
    pub provisioned: f64,
    /// Dollars with on-demand streams.
    pub on_demand: f64,
}

/// What both schedules do in a minute.
pub type Minute = [Work; 2];

/// The monthly bill, without Lambda's time. The schedules do what they did in
/// these minutes: before there was any event, and with so many streams.
pub fn lines(
    template: &Template,
    model: &Model,
    [empty, full]: &[Minute; 2],
    known: usize,
) -> Result<Vec<Line>> {
    let count = |resource_type: &str| template.resolved("rewind", resource_type);
    let watched: usize = count("AWS::CloudWatch::Alarm")?.values().map(metrics).sum();
    let dashboards = count("AWS::CloudWatch::Dashboard")?.len();
    let (own, with_load) = own_metrics(full)?;
    let all_runs: f64 = full.iter().map(|work| runs(model, work)).sum();
    let each = |minute: &Minute, dollars: fn(&Work) -> f64| -> f64 {
        let each = minute.iter();
        each.map(|work| runs(model, work) * dollars(work)).sum()
    };
    let first = each(empty, units);
    let same = |what: String, dollars: f64| Line {
        what,
        provisioned: dollars,
        on_demand: dollars,
    };
    let shards = |stream: &local::template::Stream| f64::from(stream.shards);
    let all: f64 = model.streams.iter().map(shards).sum();
    let long = model.streams.iter();
    let long = long.filter(|stream| stream.retention_hours > FREE_HOURS);
    let long: f64 = long.map(shards).sum();
    let streams = model.streams.len();
    Ok(vec![
        Line {
            what: format!("Kinesis: {streams} streams, {all} shards if provisioned"),
            provisioned: all * SHARD_HOUR * MONTH_HOURS,
            on_demand: streams as f64 * STREAM_HOUR * MONTH_HOURS,
        },
        Line {
            what: format!("Kinesis: {long} shard keeps records for longer than a day"),
            provisioned: long * LONG_SHARD_HOUR * MONTH_HOURS,
            on_demand: 0.0,
        },
        same(
            format!("CloudWatch: alarms over {watched} metrics"),
            watched as f64 * ALARM,
        ),
        same(
            format!("CloudWatch: {dashboards} dashboard"),
            dashboards as f64 * DASHBOARD,
        ),
        same(
            format!("CloudWatch: {own} own metrics; {with_load} under load"),
            own as f64 * METRIC,
        ),
        same(
            format!("Lambda: {all_runs:.0} runs of two schedules, and their logs"),
            each(full, |work| INVOCATION + logged(work) / GB * LOGGED_GB),
        ),
        same("DynamoDB: what these runs read at first".into(), first),
        same(
            format!("DynamoDB: what they read more with {known} streams"),
            each(full, units) - first,
        ),
    ])
}

/// Dollars a month for the time of the schedule's runs, as this machine took it.
pub fn time(model: &Model, minute: &Minute) -> f64 {
    let each = minute.iter();
    each.map(|work| runs(model, work) * work.gb_seconds * GB_SECOND)
        .sum()
}

/// Dollars for the capacity that was used.
fn units(work: &Work) -> f64 {
    let reading = &work.reading;
    reading.read_units * READ_UNIT + reading.write_units * WRITE_UNIT
}

/// How often the schedule of a function runs in a month.
fn runs(model: &Model, work: &Work) -> f64 {
    let functions = model.functions.iter();
    let ids = functions.filter(|function| function.binary == work.name);
    let ids: Vec<&str> = ids.map(|function| function.logical_id.as_str()).collect();
    let every = model.schedules.iter();
    let every = every.filter(|schedule| ids.contains(&schedule.function.as_str()));
    let runs = every.map(|schedule| MONTH_HOURS * 3600.0 / schedule.every.as_secs_f64());
    runs.sum()
}

/// Over how many metrics an alarm is.
fn metrics(alarm: &Value) -> usize {
    let Some(parts) = alarm["Metrics"].as_array() else {
        return 1;
    };
    let metrics = parts.iter().filter(|part| !part["MetricStat"].is_null());
    metrics.count()
}

/// How many metrics of its own a stack has: those that the schedule writes, and
/// all of them.
fn own_metrics(minute: &Minute) -> Result<(usize, usize)> {
    let mut written = BTreeSet::new();
    let mut readers = BTreeSet::new();
    for line in minute.iter().flat_map(|work| &work.metrics) {
        let line: Value = serde_json::from_str(line)?;
        let reader = line["Reader"].as_str().map(ToString::to_string);
        let told = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        for metric in told.ok_or("a line without metrics")? {
            written.insert((reader.clone(), metric["Name"].to_string()));
        }
        readers.extend(reader);
    }
    let of_readers = [LAG_EVENTS, LAG_SECONDS].len() * readers.len();
    Ok((written.len(), ALL.len() + of_readers))
}
