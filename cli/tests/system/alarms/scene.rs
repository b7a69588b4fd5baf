//! A system whose time runs faster, with what its functions and AWS measure.

use super::{
    alarm::{Datum, Metric},
    alarms,
};
use crate::{
    client::Client,
    support::{BATCH, changed_template, logged, start_with, vote},
};
use local::{State, System};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

/// How long a minute takes.
pub const MINUTE: Duration = Duration::from_secs(2);

/// How long a test waits for an alarm, in minutes.
const PATIENCE: u32 = 45;

/// A system, and what is known of it.
pub struct Scene {
    pub dir: tempfile::TempDir,
    pub system: System,
    pub client: Client,
    began: SystemTime,
    /// The values of AWS's own metrics, imitated.
    imitated: Vec<Datum>,
}

impl Scene {
    pub async fn start(change: impl FnOnce(&mut Yaml)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = State::Folder(dir.path().into());
        let (system, client) = start_with(state, |options| {
            options.template = changed_template(change);
            options.schedule_unit = MINUTE;
        })
        .await;
        Self {
            dir,
            system,
            client,
            began: SystemTime::now(),
            imitated: Vec::new(),
        }
    }

    /// What the functions wrote so far, and what is imitated.
    fn data(&self) -> Vec<Datum> {
        let mut data = self.imitated.clone();
        for log in std::fs::read_dir(self.dir.path().join("logs")).unwrap() {
            data.extend(logged(&log.unwrap().path()).iter().flat_map(written));
        }
        data
    }

    /// Which alarms were in alarm since it began.
    pub fn risen(&self) -> BTreeSet<String> {
        let (data, now) = (self.data(), SystemTime::now());
        let alarms = alarms().into_iter();
        let risen = alarms.filter(|(_, alarm)| alarm.rises(&data, self.began, now, MINUTE));
        risen.map(|(name, _)| name).collect()
    }

    /// Does something at least once a minute until these alarms have risen.
    pub async fn until(&mut self, wanted: &[&str], mut act: impl AsyncFnMut(&mut Self)) {
        let mut risen = BTreeSet::new();
        for _ in 0..2 * PATIENCE {
            act(self).await;
            tokio::time::sleep(MINUTE / 2).await;
            risen = self.risen();
            if wanted.iter().all(|name| risen.contains(*name)) {
                return;
            }
        }
        panic!("{wanted:?} should rise, and {risen:?} did");
    }

    /// A value of a metric of AWS that stands over one resource.
    pub fn imitate(&mut self, (namespace, name): (&str, &str), over: (&str, &str), value: f64) {
        let dimensions = BTreeMap::from([(over.0.to_string(), over.1.to_string())]);
        self.imitated.push(Datum {
            metric: Metric {
                namespace: namespace.to_string(),
                name: name.to_string(),
                dimensions,
            },
            at: SystemTime::now(),
            value,
        });
    }

    /// The age of a record that has waited since then, in milliseconds.
    pub fn imitate_age(&mut self, function: &str, since: SystemTime) {
        let age = since.elapsed().unwrap().as_secs_f64() * stretch() * 1000.0;
        self.imitate(
            ("AWS/Lambda", "IteratorAge"),
            ("FunctionName", function),
            age,
        );
    }

    /// Invokes a function with what it cannot read.
    pub async fn break_function(&mut self, name: &str) {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let junk = json!({"Records": "none", "version": 7}).to_string();
        let answer = self
            .client
            .post(&path, "application/json", junk)
            .await
            .unwrap();
        let is_error = answer.body["errorType"].is_string();
        let function = format!("rewind-{name}");
        let over = ("FunctionName", function.as_str());
        self.imitate(
            ("AWS/Lambda", "Errors"),
            over,
            f64::from(u8::from(is_error)),
        );
    }

    pub async fn post_vote(&self, stream: &str, nth: usize) {
        let batch = json!([vote(stream, nth)]);
        self.client
            .post_ok("/events", BATCH, &batch, 202)
            .await
            .unwrap();
    }
}

/// The values of a line that a function wrote. Times are stretched as time is.
fn written(line: &Value) -> Vec<Datum> {
    let mut data = Vec::new();
    for directive in line["_aws"]["CloudWatchMetrics"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let at = line["_aws"]["Timestamp"].as_u64().unwrap();
        let names = directive["Dimensions"][0].as_array().unwrap().iter();
        let dimensions = names.map(|name| {
            let name = name.as_str().unwrap();
            (name.to_string(), line[name].as_str().unwrap().to_string())
        });
        let dimensions: BTreeMap<String, String> = dimensions.collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            let is_time = matches!(metric["Unit"].as_str(), Some("Seconds" | "Milliseconds"));
            let value = line[name].as_f64().unwrap();
            data.push(Datum {
                metric: Metric {
                    namespace: directive["Namespace"].as_str().unwrap().to_string(),
                    name: name.to_string(),
                    dimensions: dimensions.clone(),
                },
                at: SystemTime::UNIX_EPOCH + Duration::from_millis(at),
                value: if is_time { value * stretch() } else { value },
            });
        }
    }
    data
}

/// How many times faster time runs.
fn stretch() -> f64 {
    60.0 / MINUTE.as_secs_f64()
}
