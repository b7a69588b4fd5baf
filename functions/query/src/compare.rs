//! `GET /comparisons/{name}?a=GENERATION&b=GENERATION`: two generations of a
//! projection side by side, as far as one answer goes.

use crate::{
    cursor,
    sources::{Sources, Unanswered},
};
use rewind::Target;
use rewind_aws::{
    aws::http::{self, Parameters, Response, bad_parameter},
    generation::{
        compare,
        comparison::{Comparison, Differing, Held},
        cursor::Cursor,
        lifecycle,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long rows are read for one answer: API Gateway waits 30 s.
const BUDGET: Duration = Duration::from_secs(10);

/// What one answer compared. The numbers of all answers up to the last add up;
/// checksums are added by XOR.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Comparison")]
pub(crate) struct Compared<'a> {
    projection: &'a str,
    a: Generation,
    b: Generation,
    only_a: u64,
    only_b: u64,
    different: u64,
    sample: Vec<Differing>,
    /// What `cursor` is for what is not compared yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GenerationHeld")]
struct Generation {
    generation: u64,
    #[serde(flatten)]
    held: Held,
}

/// Where an answer ended. The generations stay what they were, even if another
/// one serves meanwhile.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    a: u64,
    b: u64,
    at: Cursor,
}

impl Sources {
    pub(crate) async fn compare(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let projection = self.projection(parameters)?;
        let sample = parameters.number("sample", 0..=100)?.unwrap_or(10) as usize;
        let mut a = parameters.number("a", 1..=u64::MAX)?;
        let mut b = parameters.number("b", 1..=u64::MAX)?;
        let question = ["comparisons", projection.name];
        let mut from = Cursor::default();
        if let Some(ended) = cursor::decode::<Ended>(parameters, &question)? {
            for (name, asked, is) in [("a", a, ended.a), ("b", b, ended.b)] {
                if asked.is_some_and(|asked| asked != is) {
                    let why = format!("continues with {is} as `{name}`");
                    return Err(bad_parameter("cursor", why).into());
                }
            }
            (a, b, from) = (Some(ended.a), Some(ended.b), ended.at);
        }
        let known = lifecycle::of(&self.store, projection.name).await?;
        let targets = compare::chosen(projection.name, &known, a, b)?;
        let [a, b] = &targets;
        if !from.is_of([a, b]) {
            return Err(cursor::unfit().into());
        }
        let started = Instant::now();
        let has_time = || started.elapsed() < BUDGET;
        let compared = compare::compare(&self.store, [a, b], sample, from, has_time);
        let (found, next) = compared.await?;
        let next = next.map(|at| {
            let (a, b) = (a.generation, b.generation);
            cursor::encode(&question, &Ended { a, b, at })
        });
        Ok(http::json(200, &shown([a, b], found, next)))
    }
}

fn shown<'a>([a, b]: [&'a Target; 2], found: Comparison, next: Option<String>) -> Compared<'a> {
    let generation = |target: &Target, held| Generation {
        generation: target.generation,
        held,
    };
    Compared {
        projection: &a.projection,
        a: generation(a, found.a),
        b: generation(b, found.b),
        only_a: found.only_a,
        only_b: found.only_b,
        different: found.different,
        sample: found.sample,
        next,
    }
}
