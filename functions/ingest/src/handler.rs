//! Takes a request, puts its events on `incoming`, and answers what became of
//! each.

use crate::{
    answer::{self, Accepted, Item, Items},
    parse::{self, Parsed},
};
use rewind::{Batch, CloudEvent, Problem, Service};
use rewind_aws::aws::{
    http::{self, Request, Response},
    producer::Stream,
    publish::Run,
};
use std::collections::BTreeMap;

/// The routes that `template.yaml` has to lead here.
pub const ROUTES: &[&str] = &["POST /events", "POST /inputs/{source}"];

/// ingest's handler.
#[derive(Debug)]
pub struct Handler {
    service: Service,
    incoming: Stream,
}

impl Handler {
    /// A handler that puts what it accepts on `incoming`.
    pub fn new(service: Service, incoming: Stream) -> Self {
        Self { service, incoming }
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn handle(&self, request: &Request) -> Response {
        match self.accept(request).await {
            Ok(response) => response,
            Err(problem) => {
                // Not the field: a client may name its members as it likes.
                tracing::info!(
                    status = problem.status,
                    problem = problem.problem_type,
                    "refused"
                );
                http::problem(&problem)
            }
        }
    }

    async fn accept(&self, request: &Request) -> Result<Response, Problem> {
        let route = request.route_key.as_deref().unwrap_or_default();
        let parsed = match route {
            "POST /events" => parse::events(&self.service, request)?,
            "POST /inputs/{source}" => Parsed::One(parse::input(&self.service, request)?),
            _ => return Err(Problem::not_found(format!("ingest has no route {route}"))),
        };
        match parsed {
            Parsed::One(event) => {
                self.put(vec![Ok(event.clone())]).await.remove(0)?;
                Ok(http::json(202, &Accepted::new(&event)))
            }
            Parsed::Many(events) => {
                answer::is_answerable(&events)?;
                let outcomes = self.put(events).await;
                let results = outcomes.iter().map(Item::new).collect();
                let is_whole = outcomes.iter().all(Result::is_ok);
                Ok(http::json(
                    if is_whole { 202 } else { 207 },
                    &Items { results },
                ))
            }
        }
    }

    /// Puts the events on `incoming`, those of one stream in order and packed
    /// together. What Kinesis does not take becomes a problem.
    async fn put(
        &self,
        events: Vec<Result<CloudEvent, Problem>>,
    ) -> Vec<Result<CloudEvent, Problem>> {
        let mut streams: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, event) in events.iter().enumerate() {
            if let Ok(event) = event {
                streams
                    .entry(event.stream.as_str())
                    .or_default()
                    .push(place);
            }
        }
        let runs = streams.iter().map(|(stream, places)| {
            let run = places
                .iter()
                .filter_map(|place| events[*place].clone().ok());
            Run::new(*stream, Batch::encode(&run.collect::<Vec<CloudEvent>>()))
        });
        let runs: Vec<Run> = runs.collect();
        let records = runs.iter().map(Run::records).sum::<usize>();
        let published = self.incoming.publish(runs).await;
        let places_of: Vec<Vec<usize>> = streams.into_values().collect();
        let mut outcomes = events;
        let mut failed = 0;
        for (places, published) in places_of.into_iter().zip(published) {
            let Some(reason) = published.refused else {
                continue;
            };
            tracing::warn!(reason, "not put");
            for place in places.into_iter().skip(published.held) {
                failed += 1;
                if let Ok(event) = &outcomes[place] {
                    outcomes[place] = Err(answer::not_put(event));
                }
            }
        }
        let events = outcomes.len();
        tracing::info!(events, records, failed, "ingested");
        outcomes
    }
}
