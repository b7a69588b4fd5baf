//! Accepts connections, within a bound, until it is told to stop.

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

/// The most connections of one endpoint at a time. Those beyond it wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// The pause after a connection could not be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the endpoints of the system serve.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Who may call.
    pub callers: Callers,
    /// How long a client may take for the head of a request, and for its body after it.
    pub patience: Duration,
}

impl Server {
    /// Serves an endpoint until `shutdown` turns true and the answers under way are given.
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
