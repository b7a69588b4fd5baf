//! A mail server that a gateway sends through.

use super::{conversation::Server, message::Letter};
use crate::outside::{
    circuit::{self, Circuit},
    config::{Encryption, Smtp, Wrong, timeout},
    hosts::{Hosts, is_loopback},
    secrets::{Credentials, Secret},
    sent::{Sent, Waits},
};
use lettre::{
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials as User, client::TlsParameters, extension::ClientId,
    },
};
use rewind::Mail;
use serde::Deserialize;
use std::time::Duration;

/// A mail server that a gateway sends through.
#[derive(Debug)]
pub(in crate::outside) struct Mailer {
    server: Server,
    from: Mailbox,
    credentials: Credentials,
    /// The name of the secret.
    secret: Option<String>,
    /// Why the host may not be called.
    barred: Option<String>,
    circuit: Circuit,
}

/// What the secret of a mail server holds.
#[derive(Deserialize)]
struct Account {
    username: String,
    password: String,
}

impl Mailer {
    /// A mail server as it is configured.
    ///
    /// # Errors
    ///
    /// When a member of the configuration is not what it should be.
    pub fn new(config: &Smtp, hosts: &Hosts, credentials: Credentials) -> Result<Self, Wrong> {
        let from = config.from.parse::<Mailbox>();
        let from = from.map_err(|error| Wrong::new("from", error))?;
        if config.tls == Encryption::None
            && config.credentials.is_some()
            && !is_loopback(&config.host)
        {
            let why = "expected starttls or tls: credentials go over no network in plain text";
            return Err(Wrong::new("tls", why));
        }
        let tls = match config.tls {
            Encryption::None => None,
            Encryption::Starttls | Encryption::Tls => {
                let parameters = TlsParameters::new_rustls(config.host.clone());
                Some(parameters.map_err(|error| Wrong::new("host", error))?)
            }
        };
        let (host, port) = (&config.host, config.port());
        let is_listed = hosts.allow(host, port);
        Ok(Self {
            barred: (!is_listed).then(|| format!("OutsideHosts does not list {host}, port {port}")),
            server: Server {
                host: host.clone(),
                port,
                is_greeted_first: config.tls == Encryption::Starttls,
                tls,
                hello: ClientId::Domain(from.email.domain().to_string()),
                timeout: timeout(config.timeout_seconds)?,
            },
            from,
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
        self.server.timeout
    }

    /// Sends a mail once.
    pub async fn send(&self, mail: &Mail, key: &str) -> Sent {
        let letter = match Letter::new(&self.from, mail, key) {
            Ok(letter) => letter,
            Err(why) => return Sent::never(why),
        };
        if let Some(why) = &self.barred {
            return Sent::unsent(why);
        }
        let user = match self.user().await {
            Ok(user) => user,
            Err(why) => return Sent::unsent(why),
        };
        let handing = async {
            let handed = self.server.hand(&letter, user.as_ref()).await;
            if let Some(name) = &self.secret
                && handed.is_refusal
            {
                self.credentials.forget(name);
            }
            (handed.sent, handed.contact)
        };
        self.circuit.through(handing).await
    }

    async fn user(&self) -> Result<Option<User>, String> {
        let Some(name) = &self.secret else {
            return Ok(None);
        };
        let secret = self.credentials.get(name).await?;
        let user = account(&secret).ok_or_else(|| {
            format!("the secret {name}: expected JSON with username and password")
        })?;
        Ok(Some(user))
    }
}

fn account(secret: &Secret) -> Option<User> {
    let account: Account = serde_json::from_str(secret.reveal()).ok()?;
    Some(User::new(account.username, account.password))
}
