//! An HTTP API that a gateway calls.

use super::{
    answer::{is_refusal, taken},
    headers::Scheme,
    request::made,
    url,
};
use crate::outside::{
    circuit::{self, Circuit, Contact},
    config::{Http, Wrong, timeout},
    hosts::Hosts,
    secrets::Credentials,
    sent::{Sending, Sent, Waits},
};
use reqwest::{Client, Error, Request, Url, header::HeaderName, redirect::Policy, retry};
use rewind::HttpRequest;
use rustls::ClientConfig;
use std::{error::Error as _, time::Duration};

/// So long a connection stays open for the next request. Servers close an idle
/// connection after five seconds or more (Node.js), and a request on a
/// connection that is just being closed may or may not have arrived.
const IDLE: Duration = Duration::from_secs(4);

/// The longest time that a connection may take.
const MAX_CONNECT: Duration = Duration::from_secs(5);

/// An HTTP API that a gateway calls.
#[derive(Debug)]
pub(in crate::outside) struct Api {
    client: Client,
    url: Url,
    scheme: Scheme,
    timeout: Duration,
    credentials: Credentials,
    /// The name of the secret.
    secret: Option<String>,
    /// Why the host may not be called.
    barred: Option<String>,
    circuit: Circuit,
}

impl Api {
    /// An API as it is configured.
    ///
    /// # Errors
    ///
    /// When a member of the configuration is not what it should be.
    pub fn new(
        config: &Http,
        hosts: &Hosts,
        credentials: Credentials,
        tls: &ClientConfig,
    ) -> Result<Self, Wrong> {
        let url = url::base(&config.url).map_err(|why| Wrong::new("url", why))?;
        let header = |member, name: &str| {
            let name = name.parse::<HeaderName>();
            name.map_err(|error| Wrong::new(member, error))
        };
        let timeout = timeout(config.timeout_seconds)?;
        // What is not connected in half of the time has certainly not acted.
        let connect = (timeout / 2).min(MAX_CONNECT);
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(retry::never())
            .connect_timeout(connect)
            .pool_idle_timeout(IDLE)
            .build();
        Ok(Self {
            client: client.map_err(|error| Wrong::new("url", error))?,
            barred: barred(hosts, &url),
            url,
            scheme: Scheme {
                credentials: header("header", &config.header)?,
                prefix: config.prefix.clone(),
                idempotency: header("idempotency_header", &config.idempotency_header)?,
            },
            timeout,
            credentials,
            secret: config.credentials.clone(),
            circuit: Circuit::default(),
        })
    }

    /// Why nothing can be sent now, where that is known before.
    pub fn waits(&self) -> Option<Waits> {
        let barred = self.barred.clone().map(|reason| Waits {
            reason,
            after: None,
        });
        barred.or_else(|| {
            let after = self.circuit.rest();
            let reason = circuit::open();
            after.is_some().then_some(Waits { reason, after })
        })
    }

    /// How long a request may take in all.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request once.
    pub async fn send(&self, asked: &HttpRequest, sending: &Sending<'_>) -> Sent {
        let parts = (asked, sending);
        let mut request = match made(&self.url, &self.scheme, self.timeout, parts) {
            Ok(request) => request,
            Err(why) => return Sent::never(why),
        };
        if let Some(why) = &self.barred {
            return Sent::unsent(why);
        }
        if let Err(why) = self.authenticate(&mut request).await {
            return Sent::unsent(why);
        }
        self.circuit.through(self.carried(request)).await
    }

    async fn authenticate(&self, request: &mut Request) -> Result<(), String> {
        let Some(name) = &self.secret else {
            return Ok(());
        };
        let secret = self.credentials.get(name).await?;
        let value = self.scheme.authenticated(&secret);
        let value = value.map_err(|why| format!("the secret {name}: {why}"))?;
        let header = self.scheme.credentials.clone();
        request.headers_mut().insert(header, value);
        Ok(())
    }

    async fn carried(&self, request: Request) -> (Sent, Contact) {
        let answered = match self.client.execute(request).await {
            Ok(response) => {
                if let Some(name) = &self.secret
                    && is_refusal(response.status())
                {
                    self.credentials.forget(name);
                }
                taken(response).await
            }
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| {
            let (is_none, is_unsent) = (error.is_builder(), error.is_connect());
            let why = words(error);
            let sent = match (is_none, is_unsent) {
                (true, _) => Sent::never(why),
                (false, true) => Sent::unsent(why),
                (false, false) => Sent::unclear(why),
            };
            (sent, Contact::Failing)
        })
    }
}

/// Why a host may not be called, if it may not.
fn barred(hosts: &Hosts, url: &Url) -> Option<String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let is_listed = hosts.allow(host, port);
    (!is_listed).then(|| format!("OutsideHosts does not list {host}, port {port}"))
}

/// An error with its causes, without the URL: a path may name a person.
fn words(error: Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
