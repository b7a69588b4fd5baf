//! All transports of a deployment.

use super::{
    config::{Config, GATEWAYS, Wrong},
    http::Api,
    mail::Mailer,
    secrets::Credentials,
    sent::{Sending, Sent, Waits},
    tls,
};
use crate::Error;
use rewind::Request;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// All transports of a deployment, by the name of the gateway. A clone shares
/// connections, circuits and credentials.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    gateways: Arc<BTreeMap<String, Gateway>>,
}

#[derive(Debug)]
struct Gateway {
    http: Option<Api>,
    smtp: Option<Mailer>,
}

impl Outside {
    /// No transports: every request waits, because nothing says where it goes.
    pub fn none() -> Self {
        Self::default()
    }

    /// The transports of a configuration, with these credentials.
    ///
    /// # Errors
    ///
    /// When a member of the configuration is not what it should be: its path,
    /// and why.
    pub fn new(config: &Config, credentials: Credentials) -> Result<Self, Error> {
        let is_secure = config.gateways.values().any(|gateway| {
            let http = gateway.http.as_ref();
            http.is_some_and(|http| http.url.starts_with("https:"))
        });
        let tls = match is_secure {
            true => tls::trusting_the_machine(),
            false => tls::trusting_nobody(),
        };
        let tls = tls.map_err(Error::service("the start of TLS"))?;
        let mut gateways = BTreeMap::new();
        for (name, gateway) in &config.gateways {
            let wrong = |over: &str, Wrong { member, why }| {
                Error::damaged(GATEWAYS, format!("{name}.{over}.{member}: {why}"))
            };
            let http = gateway.http.as_ref().map(|http| {
                let api = Api::new(http, &config.hosts, credentials.clone(), &tls);
                api.map_err(|what| wrong("http", what))
            });
            let smtp = gateway.smtp.as_ref().map(|smtp| {
                let mailer = Mailer::new(smtp, &config.hosts, credentials.clone());
                mailer.map_err(|what| wrong("smtp", what))
            });
            let (http, smtp) = (http.transpose()?, smtp.transpose()?);
            gateways.insert(name.clone(), Gateway { http, smtp });
        }
        let gateways = Arc::new(gateways);
        Ok(Self { gateways })
    }

    /// Why nothing can be sent through a gateway now, where that is known before:
    /// nothing says where it goes, or its circuit is open.
    pub fn waits(&self, gateway: &str, request: &Request) -> Option<Waits> {
        let reason = match (self.gateways.get(gateway), request) {
            (None, _) => format!("{GATEWAYS} names no gateway {gateway}"),
            (Some(known), Request::Http(_)) => match &known.http {
                Some(api) => return api.waits(),
                None => without(gateway, "http"),
            },
            (Some(known), Request::Mail(_)) => match &known.smtp {
                Some(mailer) => return mailer.waits(),
                None => without(gateway, "smtp"),
            },
        };
        let after = None;
        Some(Waits { reason, after })
    }

    /// How long a request of a gateway may take in all.
    pub fn timeout(&self, gateway: &str) -> Duration {
        let Some(known) = self.gateways.get(gateway) else {
            return Duration::ZERO;
        };
        let http = known.http.as_ref().map(Api::timeout);
        let smtp = known.smtp.as_ref().map(Mailer::timeout);
        http.max(smtp).unwrap_or_default()
    }

    /// Sends one request once, and never panics. It tries nothing again: whoever
    /// asks does.
    pub async fn send(&self, gateway: &str, sending: &Sending<'_>) -> Sent {
        let begun = Instant::now();
        let sent = self.carried(gateway, sending).await;
        let (outcome, ms) = (sent.outcome(), begun.elapsed().as_millis() as u64);
        tracing::debug!(gateway, outcome, ms, "a request of a gateway was sent");
        sent
    }

    async fn carried(&self, name: &str, sending: &Sending<'_>) -> Sent {
        let Some(gateway) = self.gateways.get(name) else {
            return Sent::unsent(format!("{GATEWAYS} names no gateway {name}"));
        };
        let without = |over| Sent::unsent(without(name, over));
        match (sending.request, &gateway.http, &gateway.smtp) {
            (Request::Http(request), Some(api), _) => api.send(request, sending).await,
            (Request::Http(_), None, _) => without("http"),
            (Request::Mail(mail), _, Some(mailer)) => mailer.send(mail, sending.key).await,
            (Request::Mail(_), _, None) => without("smtp"),
        }
    }
}

fn without(name: &str, over: &str) -> String {
    format!("{GATEWAYS} has no {name}.{over}")
}
