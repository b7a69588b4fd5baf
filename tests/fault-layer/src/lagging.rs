//! An index that lags: DynamoDB shows an entry of a global secondary index some
//! time after its item, each entry at its own time. The embedded DynamoDB shows
//! all of them at once.

use crate::{
    answers::{self, Answer, Service},
    client::text_of,
};
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lets each entry of an index come into sight at a time of its own.
#[derive(Debug, Clone)]
pub struct Lag {
    shared: Arc<Mutex<Shown>>,
}

#[derive(Debug)]
struct Shown {
    dice: SmallRng,
    most: Duration,
    /// From when on each entry is shown, by its text.
    from: HashMap<String, Instant>,
}

#[derive(Debug)]
struct Lagging<T> {
    inner: T,
    lag: Lag,
}

impl Lag {
    /// Entries come into sight at most so long after they were first read.
    pub fn new(seed: u64, most: Duration) -> Self {
        let shown = Shown {
            dice: SmallRng::seed_from_u64(seed),
            most,
            from: HashMap::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(shown)),
        }
    }

    /// The same configuration, by which an index lags.
    ///
    /// # Panics
    ///
    /// When the configuration has no HTTP client.
    #[must_use]
    pub fn around(&self, config: SdkConfig) -> SdkConfig {
        let Some(inner) = config.http_client() else {
            panic!("the configuration has no HTTP client to put a lag around");
        };
        let lag = self.clone();
        let client = Lagging { inner, lag };
        config.into_builder().http_client(client).build()
    }

    fn is_shown(&self, entry: &Value) -> bool {
        let mut shown = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shown { dice, most, from } = &mut *shown;
        let now = Instant::now();
        let at = from.entry(entry.to_string());
        // Most entries are there at once, as in DynamoDB.
        let mut lag = || match dice.random_bool(0.5) {
            true => Duration::ZERO,
            false => most.mul_f64(dice.random()),
        };
        *at.or_insert_with(|| now + lag()) <= now
    }
}

impl HttpClient for Lagging<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Lagging {
            inner: self.inner.http_connector(settings, components),
            lag: self.lag.clone(),
        })
    }
}

impl HttpConnector for Lagging<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_query = answers::target(&request) == (Service::DynamoDb, "Query".to_string());
        let of_index = is_query && names_an_index(request.body().bytes());
        let answer = self.inner.call(request);
        match of_index {
            false => answer,
            true => HttpConnectorFuture::new(shown(answer, self.lag.clone())),
        }
    }
}

fn names_an_index(body: Option<&[u8]>) -> bool {
    let body = body.and_then(|body| serde_json::from_slice::<Value>(body).ok());
    body.is_some_and(|body| body.get("IndexName").is_some())
}

async fn shown(answer: HttpConnectorFuture, lag: Lag) -> Answer {
    let mut response = answer.await?;
    let text = text_of(&mut response).await?;
    let mut answer: Value = serde_json::from_slice(&text).unwrap_or_default();
    if let Some(items) = answer["Items"].as_array_mut() {
        items.retain(|item| lag.is_shown(item));
    }
    answers::answer(response.status().as_u16(), &answer)
}
