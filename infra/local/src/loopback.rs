//! An application on loopback, behind the same checks as the system's own endpoints: only callers that name it by a
//! loopback name, and no page of another site.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::error::StartError;
use crate::http::{Callers, Server};
use crate::net;

/// How long a client may take to send the head of a request, and then its body.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of 127.0.0.1 for an application.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    server: Server,
    url: String,
}

impl Loopback {
    /// Takes a port; 0 takes any free one.
    ///
    /// # Errors
    ///
    /// When the port is not free.
    pub fn listen(port: u16) -> Result<Self, StartError> {
        let listener = net::gateway_listener(port)?;
        let url = net::url(&listener).map_err(|error| StartError::Port {
            port,
            reason: error.to_string(),
        })?;
        let server = Server {
            callers: Callers::new(&[])?,
            patience: PATIENCE,
        };
        Ok(Self {
            listener,
            server,
            url,
        })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves an application until `ended`, and until the current answers are sent.
    pub async fn serve<T>(self, app: Router, ended: impl Future<Output = T>) -> T {
        let Self {
            listener, server, ..
        } = self;
        let (shutdown, is_shut_down) = watch::channel(false);
        let serving = tokio::spawn(async move {
            server.serve(listener, app, is_shut_down).await;
        });
        let ended = ended.await;
        let _ = shutdown.send(true);
        let _ = serving.await;
        ended
    }
}
