//! Takes a request, puts its events on `incoming`, and answers what became of
//! each.

use crate::{
    answer,
    parse::{self, Parsed},
};
use rewind::{Batch, CloudEvent, Problem, Service};
pub use rewind_aws::api::ingest::ROUTES;
use rewind_aws::{
    api::ingest::{Accepted, Item, Items},
    aws::{
        http::{self, Request, Response},
        producer::Stream,
        publish::Run,
    },
    metrics::{
        Line, Metrics,
        catalog::{ACCEPTED, REFUSED, UNAVAILABLE},
    },
};
use std::collections::BTreeMap;

/// ingest's handler.
#[derive(Debug)]
pub struct Handler {
    service: Service,
    incoming: Stream,
    metrics: Metrics,
}

/// What became of the events of one request.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    /// What Kinesis did not take: it comes again.
    unavailable: usize,
}

impl Handler {
    /// A handler that puts what it accepts on `incoming`.
    pub fn new(service: Service, incoming: Stream) -> Self {
        Self {
            service,
            incoming,
            metrics: Metrics::none(),
        }
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn handle(&self, request: &Request) -> Response {
        let mut tally = Tally::default();
        let response = match self.accept(request, &mut tally).await {
            Ok(response) => response,
            Err(problem) => {
                // A request that is refused as a whole counts as one event.
                tally.refused += usize::from(tally.is_empty() && is_refusal(&problem));
                // Not the field: a client may name its members as it likes.
                tracing::info!(
                    status = problem.status,
                    problem = problem.problem_type,
                    "refused"
                );
                http::problem(&problem)
            }
        };
        let line = Line::new()
            .with(ACCEPTED, tally.accepted)
            .with(REFUSED, tally.refused)
            .with(UNAVAILABLE, tally.unavailable);
        self.metrics.write(&line);
        response
    }

    async fn accept(&self, request: &Request, tally: &mut Tally) -> Result<Response, Problem> {
        let route = request.route_key.as_deref().unwrap_or_default();
        let parsed = match route {
            "POST /events" => parse::events(&self.service, request)?,
            "POST /inputs/{source}" => Parsed::One(parse::input(&self.service, request)?),
            _ => return Err(Problem::not_found(format!("ingest has no route {route}"))),
        };
        match parsed {
            Parsed::One(event) => {
                let mut outcomes = self.put(vec![Ok(event.clone())]).await;
                tally.count(&outcomes);
                outcomes.remove(0)?;
                Ok(http::json(202, &Accepted::new(&event)))
            }
            Parsed::Many(events) => {
                answer::is_answerable(&events)?;
                let outcomes = self.put(events).await;
                tally.count(&outcomes);
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
            let lost = places.iter().skip(published.held);
            let mut lost = lost.filter_map(|place| outcomes[*place].as_ref().ok());
            let first = lost.next();
            tracing::warn!(
                stream = first.map(|event| event.stream.as_str()),
                id = first.map(|event| &event.id),
                correlationid = first.and_then(|event| event.extension("correlationid")),
                events = places.len().saturating_sub(published.held),
                reason,
                "not put, from this event on"
            );
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

impl Tally {
    fn is_empty(&self) -> bool {
        self.accepted + self.refused == 0
    }

    fn count(&mut self, outcomes: &[Result<CloudEvent, Problem>]) {
        for outcome in outcomes {
            match outcome {
                Ok(_) => self.accepted += 1,
                Err(problem) if is_refusal(problem) => self.refused += 1,
                Err(_) => self.unavailable += 1,
            }
        }
    }
}

fn is_refusal(problem: &Problem) -> bool {
    (400..500).contains(&problem.status)
}
