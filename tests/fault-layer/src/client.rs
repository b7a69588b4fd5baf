//! The HTTP client that fails.

use crate::{
    answers::{self, Answer},
    faults::Faults,
    partial::Cut,
    plan::Kind,
};
use aws_config::SdkConfig;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream, config_bag::ConfigBag};
use rand::{Rng, rngs::SmallRng};
use std::{io, sync::atomic::Ordering, time::Duration};

/// How long a late request or a slow one takes at most, in milliseconds.
const MAX_DELAY: u64 = 30;

/// An HTTP client around another one.
#[derive(Debug)]
struct FaultyClient {
    inner: SharedHttpClient,
    faults: Faults,
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl Faults {
    /// The same configuration with an HTTP client that does what its own does,
    /// or fails.
    ///
    /// # Panics
    ///
    /// When the configuration has no HTTP client: the SDK would make one beside
    /// the layer.
    #[must_use]
    pub fn around(&self, config: SdkConfig) -> SdkConfig {
        let Some(inner) = config.http_client() else {
            panic!("the configuration has no HTTP client to put faults around");
        };
        let faulty = FaultyClient::new(inner, self.clone());
        config.into_builder().http_client(faulty).build()
    }
}

impl FaultyClient {
    /// A client that does what `inner` does, or fails.
    fn new(inner: SharedHttpClient, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

impl HttpClient for FaultyClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(FaultyConnector {
            inner: self.inner.http_connector(settings, components),
            faults: self.faults.clone(),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        let inner = &self.inner;
        inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_on = self.faults.shared.is_on.load(Ordering::SeqCst);
        match self.faults.shared.dice.draw().filter(|_| is_on) {
            None => self.inner.call(request),
            Some((kind, dice)) => {
                let (inner, faults) = (self.inner.clone(), self.faults.clone());
                HttpConnectorFuture::new(fail(kind, dice, request, inner, faults))
            }
        }
    }
}

async fn fail(
    kind: Kind,
    mut dice: SmallRng,
    request: HttpRequest,
    inner: SharedHttpConnector,
    faults: Faults,
) -> Answer {
    let (service, operation) = answers::target(&request);
    match kind {
        Kind::RequestLost => {
            faults.count(kind, &operation);
            Err(lost())
        }
        Kind::AnswerLost => {
            faults.count(kind, &operation);
            text_of(&mut inner.call(request).await?).await?;
            Err(lost())
        }
        Kind::Late => {
            faults.count(kind, &operation);
            arrive_late(delay(&mut dice), request, inner, faults);
            Err(lost())
        }
        Kind::Throttled => {
            faults.count(kind, &operation);
            answers::throttled(service, &mut dice)
        }
        Kind::ServerError => {
            faults.count(kind, &operation);
            answers::server_error(service)
        }
        Kind::Partial => match Cut::of(&operation, request.body().bytes(), &mut dice) {
            Some(Cut::InProgress) => {
                faults.count(kind, &operation);
                arrive_late(delay(&mut dice), request, inner, faults);
                answers::transaction_in_progress()
            }
            Some(cut) => {
                faults.count(kind, &operation);
                part(cut, request, inner, &mut dice).await
            }
            None => inner.call(request).await,
        },
        Kind::Latency => {
            faults.count(kind, &operation);
            tokio::time::sleep(delay(&mut dice)).await;
            inner.call(request).await
        }
    }
}

/// Sends a request after a while, without its sender.
fn arrive_late(delay: Duration, request: HttpRequest, inner: SharedHttpConnector, faults: Faults) {
    let late = UnderWay::new(faults);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        if let Ok(mut answer) = inner.call(request).await {
            // Nobody waits for it any more.
            drop(text_of(&mut answer).await);
        }
        drop(late);
    });
}

/// Sends what the cut leaves, and answers for the rest.
async fn part(
    cut: Cut,
    mut request: HttpRequest,
    inner: SharedHttpConnector,
    dice: &mut SmallRng,
) -> Answer {
    if let Cut::Transaction { items } = cut {
        return answers::transaction_conflict(items, dice);
    }
    let Some(sent) = cut.sent() else {
        return answers::answer(200, &cut.answered(None));
    };
    let sent = sent.to_string();
    let length = sent.len().to_string();
    request.headers_mut().insert("content-length", length);
    *request.body_mut() = SdkBody::from(sent);
    let mut response = inner.call(request).await?;
    let text = text_of(&mut response).await?;
    let answer = serde_json::from_slice(&text).ok();
    match answer.filter(|_| response.status().is_success()) {
        Some(answer) => answers::answer(200, &cut.answered(Some(answer))),
        None => {
            *response.body_mut() = SdkBody::from(text);
            Ok(response)
        }
    }
}

/// The whole body, read: a connection whose answer was left unread is closed,
/// and its request may then never have been answered.
pub(crate) async fn text_of(response: &mut HttpResponse) -> Result<Vec<u8>, ConnectorError> {
    let body = ByteStream::new(response.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    Ok(body.to_vec())
}

fn lost() -> ConnectorError {
    let reset = io::Error::new(io::ErrorKind::ConnectionReset, "injected: connection lost");
    ConnectorError::io(reset.into())
}

fn delay(dice: &mut SmallRng) -> Duration {
    Duration::from_millis(dice.random_range(1..=MAX_DELAY))
}

/// A request that is on its way without its sender.
struct UnderWay(Faults);

impl UnderWay {
    fn new(faults: Faults) -> Self {
        faults.shared.under_way.fetch_add(1, Ordering::SeqCst);
        Self(faults)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.shared.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
