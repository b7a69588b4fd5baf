//! The connection to PostgreSQL: one for each process, opened when it is needed.

use super::{
    failure::{Failure, OPERATION},
    layout::Layout,
    settings::Settings,
};
use crate::Error;
use rewind::Target;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::RwLock;
use tokio_postgres::{Client, Config};

/// How long nobody tries to connect after it has failed: batches are not to wait
/// for a server that is down, one after the other.
const REST: Duration = Duration::from_secs(5);

/// How long a call may take. A server that hangs is as good as down.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// What each connection begins with: a writer that Lambda has frozen must not
/// keep others from its rows.
const BEGIN: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET client_min_messages = 'warning'";

/// PostgreSQL.
#[derive(Debug)]
pub(super) struct Postgres {
    settings: Settings,
    rest: Duration,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Arc<Connection>>,
    /// Until when nobody connects, and why.
    resting: Option<(Instant, String)>,
}

/// A connection. Single statements share it; a transaction has it alone.
pub(super) struct Connection {
    pub client: RwLock<Client>,
    /// The generations whose tables are known to be there.
    layouts: Mutex<HashMap<Target, Arc<Layout>>>,
}

impl Postgres {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rest: REST,
            state: tokio::sync::Mutex::default(),
        }
    }

    /// With another time to rest.
    pub fn resting_for(self, rest: Duration) -> Self {
        Self { rest, ..self }
    }

    /// The connection, opened where there is none.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or did not a moment ago.
    pub async fn open(&self) -> Result<Arc<Connection>, Error> {
        let mut state = self.state.lock().await;
        // What is in use is open.
        let is_open = |known: &&Arc<Connection>| {
            let client = known.client.try_read();
            client.map_or(true, |client| !client.is_closed())
        };
        if let Some(open) = state.open.as_ref().filter(is_open) {
            return Ok(open.clone());
        }
        state.open = None;
        if let Some((until, reason)) = &state.resting
            && Instant::now() < *until
        {
            return Err(down(reason));
        }
        let connected = tokio::time::timeout(PATIENCE, self.connect()).await;
        match connected.unwrap_or_else(|_| Err(Failure::Gone("it does not answer".into()))) {
            Ok(client) => {
                let open = Arc::new(Connection {
                    client: RwLock::new(client),
                    layouts: Mutex::default(),
                });
                *state = State {
                    open: Some(open.clone()),
                    resting: None,
                };
                Ok(open)
            }
            Err(failure) => {
                let reason = failure.into_error().to_string();
                tracing::warn!(reason, "no connection to PostgreSQL");
                state.resting = Some((Instant::now() + self.rest, reason.clone()));
                Err(down(&reason))
            }
        }
    }

    /// Leaves a connection that is of no use any more.
    pub async fn leave(&self, connection: &Arc<Connection>) {
        let mut state = self.state.lock().await;
        let open = state.open.take();
        state.open = open.filter(|open| !Arc::ptr_eq(open, connection));
    }

    /// Looks at all tables again before the next use.
    pub async fn forget(&self) {
        if let Some(open) = &self.state.lock().await.open {
            open.forget();
        }
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let Settings { config, tls } = self.settings.clone();
        let (client, connection) = Config::connect(&config, tls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to PostgreSQL has ended");
            }
        });
        client.batch_execute(BEGIN).await?;
        Ok(client)
    }
}

impl Connection {
    /// How the tables of a generation are, where that is known.
    pub fn layout(&self, target: &Target) -> Option<Arc<Layout>> {
        let layouts = self.layouts.lock();
        let layouts = layouts.unwrap_or_else(PoisonError::into_inner);
        layouts.get(target).cloned()
    }

    pub fn know(&self, target: &Target, layout: &Arc<Layout>) {
        let layouts = self.layouts.lock();
        let mut layouts = layouts.unwrap_or_else(PoisonError::into_inner);
        layouts.insert(target.clone(), layout.clone());
    }

    /// Looks at all tables again before the next use.
    pub fn forget(&self) {
        let layouts = self.layouts.lock();
        layouts.unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

fn down(reason: &str) -> Error {
    Error::Service {
        operation: OPERATION,
        reason: reason.to_string(),
    }
}
