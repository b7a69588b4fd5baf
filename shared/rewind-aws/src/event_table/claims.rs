//! Claims: each identity belongs to the first event that has it, for ever.

use super::{
    insert::Inserted,
    item::{key, stream_of, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::{
        item::{batch_get, number, string},
        statements::Statement,
    },
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::StreamName;
use std::collections::{BTreeSet, HashMap};

/// A claim of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The hash of source and id: see [`rewind::CloudEvent::identity`].
    pub identity: String,
    /// See [`rewind::CloudEvent::fingerprint`].
    pub fingerprint: String,
    /// Where the event is to be recorded.
    pub stream: StreamName,
    /// No commit before this version holds the event.
    pub from: u64,
}

impl EventStore {
    /// The claims that stand for these identities, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a claim is damaged.
    pub async fn claims(&self, identities: &[&str]) -> Result<HashMap<String, Claim>, Error> {
        // DynamoDB refuses a request that names a key twice.
        let wanted: BTreeSet<&&str> = identities.iter().collect();
        let wanted = wanted
            .into_iter()
            .map(|identity| key(&format!("#{identity}"), 0));
        let items = batch_get(&self.client, &self.table, wanted.collect(), &[]).await?;
        let claims = items.iter().map(|item| {
            let identity = string(item, "stream")?.trim_start_matches('#').to_string();
            let claim = Claim {
                fingerprint: string(item, "fingerprint")?.to_string(),
                stream: stream_of(item, "target")?,
                from: number(item, "from")?,
                identity: identity.clone(),
            };
            Ok((identity, claim))
        });
        claims.collect()
    }

    /// Claims identities, at single capacity: each at most once for ever.
    pub async fn claim(&self, claims: &[Claim]) -> Vec<Inserted> {
        let items = claims.iter().map(|claim| {
            let number = |number: u64| AttributeValue::N(number.to_string());
            let attributes = vec![
                ("stream", text(&format!("#{}", claim.identity))),
                ("version", number(0)),
                ("target", text(claim.stream.as_str())),
                ("from", number(claim.from)),
                ("fingerprint", text(&claim.fingerprint)),
            ];
            Statement::insert(&self.table, attributes)
        });
        self.insert(items.collect()).await
    }
}
