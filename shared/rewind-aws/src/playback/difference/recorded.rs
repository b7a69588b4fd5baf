//! What is recorded of calls, events and commands, as a comparison looks it up:
//! many at once, and each once.

use crate::{
    Error,
    event_table::event_store::{Claim, EventStore},
    gateway::log::{self, Failure},
};
use rewind::{Calls, Rejection, StreamName};
use std::collections::{BTreeMap, HashMap};

/// What was looked up.
pub(super) struct Recorded<'a> {
    events: &'a EventStore,
    claims: HashMap<String, Option<Claim>>,
    logs: BTreeMap<StreamName, Calls>,
}

/// Why something cannot be compared.
pub(super) enum Failed {
    Service(Error),
    Refused(Rejection),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<Rejection> for Failed {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => Self::Service(error),
            Failure::Refused(why) => Self::Refused(why),
        }
    }
}

impl<'a> Recorded<'a> {
    pub fn new(events: &'a EventStore) -> Self {
        Self {
            events,
            claims: HashMap::new(),
            logs: BTreeMap::new(),
        }
    }

    /// Looks identities up together, which takes fewer requests than one after
    /// the other.
    pub async fn look_up(&mut self, identities: &[String]) -> Result<(), Error> {
        let unknown = identities.iter().map(String::as_str);
        let unknown: Vec<&str> = unknown
            .filter(|identity| !self.claims.contains_key(*identity))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut found = self.events.claims(&unknown).await?;
        let all = unknown.into_iter();
        let all = all.map(|identity| (identity.to_string(), found.remove(identity)));
        self.claims.extend(all);
        Ok(())
    }

    /// The claim of an identity.
    pub async fn claim(&mut self, identity: &str) -> Result<Option<&Claim>, Error> {
        self.look_up(&[identity.to_string()]).await?;
        Ok(self.claims.get(identity).and_then(Option::as_ref))
    }

    /// The log that holds the call of a key.
    pub async fn log_of(&mut self, key: &str) -> Result<Option<StreamName>, Error> {
        Ok(self.claim(key).await?.map(|claim| claim.stream.clone()))
    }

    /// A log as it stands.
    pub async fn log(&mut self, stream: &StreamName) -> Result<&Calls, Failed> {
        if !self.logs.contains_key(stream) {
            let loaded = log::load(self.events, stream).await?;
            self.logs.insert(stream.clone(), loaded.calls);
        }
        self.logs
            .get(stream)
            .ok_or_else(|| Rejection::new("a log that was read is gone").into())
    }
}
