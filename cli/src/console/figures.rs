//! The figures of a local system: what its functions write for CloudWatch, of the
//! last hours, in steps of some seconds.

use super::series::{PASSED, SERIES, Statistic};
use local::{Observed, Observer};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// How long a step is, in seconds.
const STEP: u64 = 10;

/// How many steps are kept: three hours.
const KEPT: usize = 3 * 3600 / STEP as usize;

/// How many values of a metric are kept of one step, for percentiles.
const SAMPLES: usize = 1000;

/// The metric that says how old a batch is when it is done.
const AGE: &str = "BatchAge";

/// The figures, which an observer of the functions collects.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    steps: Arc<Mutex<VecDeque<Step>>>,
}

#[derive(Debug, Default)]
struct Step {
    /// When it began, in steps since 1970.
    nth: u64,
    /// The values of each metric of each function.
    values: BTreeMap<(String, String), Vec<f64>>,
    /// How often each function was invoked, and how often it failed.
    invoked: BTreeMap<String, (u64, u64)>,
}

impl Figures {
    /// Who collects them.
    pub fn observer(&self) -> Observer {
        let figures = self.clone();
        Observer::new(move |function, observed| match observed {
            Observed::Line(line) => figures.line(function, line),
            Observed::Invoked { is_failure } => {
                figures.now(|step| {
                    let (invoked, failed) = step.invoked.entry(function.to_owned()).or_default();
                    *invoked += 1;
                    *failed += u64::from(is_failure);
                });
            }
        })
    }

    /// A line of CloudWatch's embedded metric format; other lines are passed over.
    fn line(&self, function: &str, line: &[u8]) {
        if !line.windows(6).any(|text| text == b"\"_aws\"") {
            return;
        }
        let Ok(Value::Object(line)) = serde_json::from_slice(line) else {
            return;
        };
        // Those of one reader are in the sum of all.
        if line.contains_key("Reader") {
            return;
        }
        self.now(|step| {
            for (name, value) in line.iter().filter(|(name, _)| *name != "_aws") {
                let Some(value) = value.as_f64() else {
                    continue;
                };
                let key = (function.to_owned(), name.clone());
                let values = step.values.entry(key).or_default();
                if values.len() < SAMPLES {
                    values.push(value);
                }
            }
        });
    }

    fn now(&self, change: impl FnOnce(&mut Step)) {
        let nth = seconds() / STEP;
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.back().is_none_or(|last| last.nth < nth) {
            steps.push_back(Step {
                nth,
                ..Step::default()
            });
        }
        while steps.len() > KEPT {
            steps.pop_front();
        }
        if let Some(last) = steps.back_mut() {
            change(last);
        }
    }

    /// The figures of the last minutes: a value for each step, `null` where
    /// nothing is known.
    pub fn of(&self, minutes: u64) -> Value {
        let last = seconds() / STEP;
        let first = last.saturating_sub(minutes * 60 / STEP - 1);
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let by_time: BTreeMap<u64, &Step> = steps.iter().map(|step| (step.nth, step)).collect();
        let each = |value: &dyn Fn(&Step) -> Option<f64>| -> Value {
            let values = (first..=last).map(|nth| by_time.get(&nth).and_then(|step| value(step)));
            values.collect::<Vec<_>>().into()
        };
        let mut series = Map::new();
        for (name, metric, statistic) in SERIES {
            let values = each(&|step| step.total(metric, statistic));
            series.insert(name.to_owned(), values);
        }
        for (name, share) in [("post_to_row_p50", 0.5), ("post_to_row_p99", 0.99)] {
            series.insert(name.to_owned(), each(&|step| step.age(share)));
        }
        let mut functions = Map::new();
        let names = steps.iter().flat_map(|step| step.invoked.keys());
        for name in names.collect::<BTreeSet<_>>() {
            let of = |step: &Step| step.invoked.get(name).copied();
            let invocations = each(&|step| of(step).map(|(invoked, _)| invoked as f64));
            let errors = each(&|step| of(step).map(|(_, failed)| failed as f64));
            let figures = json!({"invocations": invocations, "errors": errors});
            functions.insert(name.clone(), figures);
        }
        json!({"from": first * STEP, "step": STEP, "series": series, "functions": functions})
    }
}

impl Step {
    fn total(&self, metric: &str, statistic: Statistic) -> Option<f64> {
        let of_metric = self.values.iter().filter(|((_, name), _)| name == metric);
        let values = of_metric.flat_map(|(_, values)| values.iter().copied());
        values.reduce(|a, b| match statistic {
            Statistic::Sum => a + b,
            Statistic::Most => a.max(b),
        })
    }

    /// How old what passes through pump and then write is at the end: such a share
    /// of the batches was not older.
    fn age(&self, share: f64) -> Option<f64> {
        let of = |function: &str| {
            let values = self.values.get(&(function.to_owned(), AGE.to_owned()))?;
            let mut values = values.clone();
            values.sort_by(f64::total_cmp);
            let nth = (values.len() as f64 * share).ceil() as usize;
            values.get(nth.saturating_sub(1)).copied()
        };
        let ages = PASSED.map(of);
        ages.into_iter().flatten().reduce(|a, b| a + b)
    }
}

fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_series() {
        let figures = Figures::default();
        let line = |text: &str| figures.line("pump", text.as_bytes());
        line(r#"{"_aws":{"Timestamp":1},"Stack":"rewind","Recorded":3,"BatchAge":20}"#);
        line(r#"{"_aws":{"Timestamp":1},"Stack":"rewind","Recorded":4,"BatchAge":40}"#);
        line(r#"{"_aws":{},"Reader":"carts@1","LagEvents":9}"#);
        line(r#"{"level":"INFO","fields":{"message":"\"_aws\""}}"#);
        line("not even JSON, \"_aws\"");
        figures.line("write", br#"{"_aws":{},"BatchAge":5}"#);
        let of = figures.of(1);
        let sum = |name: &str| {
            let values = of["series"][name].as_array().unwrap();
            values.iter().filter_map(Value::as_f64).sum::<f64>()
        };
        assert_eq!(sum("recorded"), 7.0);
        assert_eq!(sum("lag_events"), 0.0);
        assert_eq!(sum("post_to_row_p50"), 25.0);
        assert_eq!(sum("post_to_row_p99"), 45.0);
        let steps = of["series"]["recorded"].as_array().unwrap().len();
        assert_eq!(steps, 6);
    }
}
