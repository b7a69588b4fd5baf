//! The figures of a deployment: what CloudWatch has of its functions.

use super::series::{PASSED, SERIES, Statistic};
use rewind_aws::{
    Error,
    wiring::{Clients, Figure, Wanted},
};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a step is, in seconds: what CloudWatch keeps.
const STEP: u64 = 60;

const FUNCTIONS: [&str; 6] = [
    "ingest",
    "pump",
    "write",
    "microservice",
    "playback",
    "query",
];

/// What tells how long an event is on its way through a function: how long it
/// waits, and how long the function takes.
const AGES: [&str; 2] = ["IteratorAge", "Duration"];

/// The figures of the last minutes, as the page takes them.
///
/// # Errors
///
/// When CloudWatch does not answer, or refuses.
pub async fn figures(clients: &Clients, stack: &str, minutes: u64) -> Result<Value, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let last = now.map_or(0, |now| now.as_secs()) / STEP;
    let first = last.saturating_sub(minutes.max(1));
    let of_stack = |metric: &str, statistic: &str| Wanted {
        namespace: "Rewind".to_owned(),
        metric: metric.to_owned(),
        dimension: ("Stack".to_owned(), stack.to_owned()),
        statistic: statistic.to_owned(),
    };
    let of_function = |function: &str, metric: &str, statistic: &str| Wanted {
        namespace: "AWS/Lambda".to_owned(),
        metric: metric.to_owned(),
        dimension: ("FunctionName".to_owned(), format!("{stack}-{function}")),
        statistic: statistic.to_owned(),
    };
    let mut wanted: Vec<Wanted> = SERIES
        .iter()
        .map(|(_, metric, statistic)| match statistic {
            Statistic::Sum => of_stack(metric, "Sum"),
            Statistic::Most => of_stack(metric, "Maximum"),
        })
        .collect();
    for statistic in ["p50", "p99"] {
        for function in PASSED {
            for metric in AGES {
                wanted.push(of_function(function, metric, statistic));
            }
        }
    }
    for function in FUNCTIONS {
        wanted.push(of_function(function, "Invocations", "Sum"));
        wanted.push(of_function(function, "Errors", "Sum"));
    }
    let span = (first * STEP, last * STEP, STEP);
    let found = clients.figures(wanted, span).await?;
    let mut found = found
        .into_iter()
        .map(|figure| by_step(&figure, first, last));
    let mut next = || found.next().unwrap_or_default();
    let mut series = Map::new();
    for (name, ..) in SERIES {
        series.insert(name.to_owned(), json!(next()));
    }
    for name in ["post_to_row_p50", "post_to_row_p99"] {
        let parts = [next(), next(), next(), next()];
        let sums = (0..(last - first) as usize).map(|nth| {
            let parts = parts
                .iter()
                .filter_map(|part| part.get(nth).copied().flatten());
            parts.reduce(|a, b| a + b)
        });
        series.insert(name.to_owned(), json!(sums.collect::<Vec<_>>()));
    }
    let mut functions = Map::new();
    for name in FUNCTIONS {
        let (invocations, errors) = (next(), next());
        let figures = json!({"invocations": invocations, "errors": errors});
        functions.insert(name.to_owned(), figures);
    }
    Ok(json!({
        "from": first * STEP, "step": STEP, "series": series, "functions": functions,
    }))
}

/// A value for each step, where there is one.
fn by_step(figure: &Figure, first: u64, last: u64) -> Vec<Option<f64>> {
    let mut steps = vec![None; (last - first) as usize];
    for (seconds, value) in figure {
        let nth = (seconds / STEP).checked_sub(first);
        if let Some(step) = nth.and_then(|nth| steps.get_mut(nth as usize)) {
            *step = Some(*value);
        }
    }
    steps
}
