//! An alarm as the template declares it, over metrics as they were written.

use super::math;
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, SystemTime},
};

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub metric: Metric,
    pub at: SystemTime,
    pub value: f64,
}

/// A metric: its namespace, its name and its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

/// An alarm of the template.
#[derive(Debug)]
pub struct Alarm {
    /// Its metrics by their ids in `expression`.
    pub queries: BTreeMap<String, Query>,
    expression: String,
    comparison: String,
    threshold: f64,
    /// How many of the last periods have to breach, and how many these are.
    breaches: u32,
    periods: u32,
    treats_missing_as_breaching: bool,
}

/// A metric that an alarm reads.
#[derive(Debug)]
pub struct Query {
    pub metric: Metric,
    pub statistic: String,
    /// In minutes.
    period: u32,
}

impl Alarm {
    /// An alarm by its resolved properties.
    pub fn of(properties: &Value) -> Self {
        let mut queries = BTreeMap::new();
        let mut expression = "m".to_string();
        match properties["Metrics"].as_array() {
            None => {
                let query = Query::of(properties, properties, &properties["Statistic"]);
                queries.insert(expression.clone(), query);
            }
            Some(parts) => {
                for part in parts {
                    let stat = &part["MetricStat"];
                    if let Some(text) = part["Expression"].as_str() {
                        assert_eq!(part["ReturnData"], true);
                        expression = text.to_string();
                    } else {
                        let query = Query::of(&stat["Metric"], stat, &stat["Stat"]);
                        queries.insert(text(&part["Id"]), query);
                    }
                }
            }
        }
        let periods = number(&properties["EvaluationPeriods"]);
        Self {
            queries,
            expression,
            comparison: text(&properties["ComparisonOperator"]),
            threshold: properties["Threshold"].as_f64().unwrap(),
            breaches: properties["DatapointsToAlarm"]
                .as_u64()
                .map_or(periods, |m| m as u32),
            periods,
            treats_missing_as_breaching: match &*text(&properties["TreatMissingData"]) {
                "breaching" => true,
                "notBreaching" => false,
                other => panic!("{other}"),
            },
        }
    }

    /// For how long a metric has to breach until it rises, in minutes.
    pub fn minutes(&self) -> u32 {
        self.breaches * self.period()
    }

    /// Whether it was in alarm at any time between `from` and `to`, where a minute
    /// takes `minute`.
    pub fn rises(
        &self,
        data: &[Datum],
        from: SystemTime,
        to: SystemTime,
        minute: Duration,
    ) -> bool {
        let period = minute * self.period();
        let mut last = VecDeque::new();
        let mut begin = from;
        while begin + period <= to {
            let end = begin + period;
            let value = |id: &str| self.queries[id].value(data, begin, end);
            last.push_back(match math::evaluate(&self.expression, &value) {
                None => self.treats_missing_as_breaching,
                Some(value) => self.is_breached(value),
            });
            if last.len() > self.periods as usize {
                last.pop_front();
            }
            let breached = last.iter().filter(|is_breached| **is_breached);
            if breached.count() >= self.breaches as usize {
                return true;
            }
            begin = end;
        }
        false
    }

    fn is_breached(&self, value: f64) -> bool {
        match self.comparison.as_str() {
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            other => panic!("{other}"),
        }
    }

    /// CloudWatch wants one period of all metrics of an alarm.
    fn period(&self) -> u32 {
        let mut periods = self.queries.values().map(|query| query.period);
        let period = periods.next().unwrap();
        assert!(periods.all(|other| other == period), "{self:?}");
        period
    }
}

impl Query {
    fn of(metric: &Value, stat: &Value, statistic: &Value) -> Self {
        let dimensions = metric["Dimensions"].as_array().unwrap().iter();
        let dimensions = dimensions.map(|pair| (text(&pair["Name"]), text(&pair["Value"])));
        let seconds = number(&stat["Period"]);
        assert_eq!(seconds % 60, 0);
        Self {
            metric: Metric {
                namespace: text(&metric["Namespace"]),
                name: text(&metric["MetricName"]),
                dimensions: dimensions.collect(),
            },
            statistic: text(statistic),
            period: seconds / 60,
        }
    }

    fn value(&self, data: &[Datum], begin: SystemTime, end: SystemTime) -> Option<f64> {
        let data = data.iter().filter(|datum| datum.metric == self.metric);
        let values = data
            .filter(|datum| begin <= datum.at && datum.at < end)
            .map(|datum| datum.value);
        match self.statistic.as_str() {
            "Sum" => values.reduce(|a, b| a + b),
            "Maximum" => values.reduce(f64::max),
            other => panic!("{other}"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}
