//! `GET /projections/{name}/compare?a=GENERATION&b=GENERATION`: two generations
//! side by side, as far as one answer goes.

use crate::{
    cursor,
    handler::{Handler, Unanswered},
};
use rewind::{Problem, Target};
use rewind_aws::{
    compare::{self, Comparison, Cursor, Differing, Held},
    generations,
    http::{self, Request, Response},
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long rows are read for one answer: API Gateway waits 30 s.
const BUDGET: Duration = Duration::from_secs(10);

/// What one answer compared. The numbers of all answers up to the last add up;
/// checksums are added by XOR.
#[derive(Serialize)]
struct Compared<'a> {
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

#[derive(Serialize)]
struct Generation {
    generation: u64,
    #[serde(flatten)]
    held: Held,
}

/// Where an answer ended. The generations stay what they were, even if another
/// one serves meanwhile.
#[derive(Serialize, Deserialize)]
struct Ended {
    a: u64,
    b: u64,
    at: Cursor,
}

impl Handler {
    pub(crate) async fn compare(&self, request: &Request) -> Result<Response, Unanswered> {
        let projection = self.projection(request)?;
        let sample = http::query_number(request, "sample", 0..=100, 10)? as usize;
        let known = generations::of(&self.store, projection.name).await?;
        let (a, b) = (generation(request, "a")?, generation(request, "b")?);
        let (targets, from) = match http::query(request, "cursor") {
            None => {
                let targets = compare::chosen(projection.name, &known, a, b)?;
                (targets, Cursor::default())
            }
            Some(text) => {
                let ended: Ended = cursor::decode(text).ok_or_else(|| {
                    http::bad_parameter("cursor", "expected `next` of the answer before")
                })?;
                let asked = (a.unwrap_or(ended.a), b.unwrap_or(ended.b));
                if asked != (ended.a, ended.b) {
                    let why = "is of other generations than `a` and `b`";
                    return Err(http::bad_parameter("cursor", why).into());
                }
                let targets =
                    compare::chosen(projection.name, &known, Some(ended.a), Some(ended.b))?;
                (targets, ended.at)
            }
        };
        let [a, b] = &targets;
        let started = Instant::now();
        let has_time = || started.elapsed() < BUDGET;
        let compared = compare::compare(&self.store, [a, b], sample, from, has_time);
        let (found, next) = compared.await?;
        let next = next.map(|at| {
            cursor::encode(&Ended {
                a: a.generation,
                b: b.generation,
                at,
            })
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

/// A generation that a request names, where it names one.
fn generation(request: &Request, name: &str) -> Result<Option<u64>, Problem> {
    match http::query_number(request, name, 1..=u64::MAX, 0)? {
        0 => Ok(None),
        generation => Ok(Some(generation)),
    }
}
