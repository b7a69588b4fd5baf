//! Accepts connections, up to a bound, until the system stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Callers;
use super::connection::Endpoint;
use crate::shutdown::stopped;

/// The most connections of one endpoint at a time. Further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// The pause after a connection could not be accepted, for example because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all endpoints of the system serve with.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Who may call.
    pub callers: Callers,
    /// How long a client may take to send the head of a request, and then its body.
    pub patience: Duration,
}

impl Server {
    /// Serves an endpoint until `shutdown` turns true and the current answers are sent.
    pub async fn serve(&self, listener: TcpListener, app: Router, shutdown: watch::Receiver<bool>) {
        let endpoint = match listener.local_addr() {
            Ok(address) => Endpoint {
                app,
                callers: self.callers.clone(),
                port: address.port(),
                patience: self.patience,
            },
            Err(error) => return tracing::error!(%error, "an endpoint cannot be served"),
        };
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(shutdown.clone()) => break,
                Some(_) = connections.join_next() => {}
                accepted = accept(&listener, &room) => match accepted {
                    Ok((stream, permit)) => {
                        let serving = endpoint.clone().serve(stream, shutdown.clone());
                        connections.spawn(async move {
                            serving.await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
