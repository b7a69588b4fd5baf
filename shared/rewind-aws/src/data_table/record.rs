//! Versioned records: typed values that lie in a partition of their own, each
//! under an id. A record has a revision; a conditional write names the one that
//! it has read.

use crate::{
    Error,
    aws::retry,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{self, Row, Written},
        transaction::Write,
    },
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Records in one page of a list.
const PAGE: i32 = 500;

/// The records of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Records<T> {
    partition: Cow<'static, str>,
    expires: fn(&T) -> Option<Timestamp>,
}

/// A record, and the revision under which it was read or written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Versioned<T> {
    /// What is stored.
    pub value: T,
    /// How often it was written.
    pub revision: u64,
}

impl<T> Records<T> {
    /// The records of a fixed partition.
    pub const fn new(partition: &'static str) -> Self {
        Self {
            partition: Cow::Borrowed(partition),
            expires: |_| None,
        }
    }

    /// The records of a fixed partition, which the table may delete at the time
    /// that `expires` says. It deletes them later or never: whoever reads one
    /// asks again whether it has expired.
    pub const fn expiring(partition: &'static str, expires: fn(&T) -> Option<Timestamp>) -> Self {
        Self {
            partition: Cow::Borrowed(partition),
            expires,
        }
    }

    /// The records of a partition that is named at run time.
    pub const fn named(partition: String) -> Self {
        Self {
            partition: Cow::Owned(partition),
            expires: |_| None,
        }
    }

    /// Which the table may delete at the time that `expires` says: see
    /// [`expiring`](Self::expiring).
    pub fn until(self, expires: fn(&T) -> Option<Timestamp>) -> Self {
        Self { expires, ..self }
    }

    /// The partition.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Where a record lies.
    pub fn key(&self, id: &str) -> Key {
        Key {
            pk: self.partition.to_string(),
            sk: id.to_string(),
        }
    }
}

impl<T: Serialize + DeserializeOwned> Records<T> {
    /// A record, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the record is damaged.
    pub async fn load(&self, store: &DataStore, id: &str) -> Result<Option<Versioned<T>>, Error> {
        let key = self.key(id);
        let row = store.get(&key).await?;
        row.map(|row| read(&key, row)).transpose()
    }

    /// One page of the records whose ids begin with `prefix`, in order, behind
    /// `after`; and the id to go on behind, where there are more.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn page(
        &self,
        store: &DataStore,
        prefix: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<(String, Versioned<T>)>, Option<String>), Error> {
        let (items, next) = store.list(&self.partition, prefix, after, limit).await?;
        let records = items.into_iter().map(|item| {
            let (key, row) = row::row(item)?;
            let record = read(&key, row)?;
            Ok((key.sk, record))
        });
        Ok((records.collect::<Result<_, Error>>()?, next))
    }

    /// One page of the records, the last id first, behind `after`; and the id to
    /// go on behind, where there are more.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn latest(
        &self,
        store: &DataStore,
        after: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<(String, Versioned<T>)>, Option<String>), Error> {
        let (items, next) = store.list_back(&self.partition, after, limit).await?;
        let records = items.into_iter().map(|item| {
            let (key, row) = row::row(item)?;
            let record = read(&key, row)?;
            Ok((key.sk, record))
        });
        Ok((records.collect::<Result<_, Error>>()?, next))
    }

    /// All records whose ids begin with `prefix`, in order.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn all(
        &self,
        store: &DataStore,
        prefix: &str,
    ) -> Result<Vec<(String, Versioned<T>)>, Error> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let (page, next) = self.page(store, prefix, after.as_deref(), PAGE).await?;
            all.extend(page);
            match next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Writes a record if nobody has since `seen`, the revision that was read
    /// (0 where there was none).
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the record has no JSON.
    pub async fn save(
        &self,
        store: &DataStore,
        id: &str,
        value: &T,
        seen: u64,
    ) -> Result<Written, Error> {
        let (key, row) = (self.key(id), self.row(id, value)?);
        let expires = (self.expires)(value);
        store.put_until(&key, &row, seen, expires).await
    }

    /// Changes a record, whoever else does so at the same time: `edit` gets
    /// what is stored, and says what is to be stored, or `None` to leave it as
    /// it is.
    ///
    /// # Errors
    ///
    /// What `edit` says, or when DynamoDB fails or others change it again and
    /// again.
    pub async fn change<E: From<Error>>(
        &self,
        store: &DataStore,
        id: &str,
        mut edit: impl FnMut(Option<T>) -> Result<Option<T>, E>,
    ) -> Result<Option<Versioned<T>>, E> {
        for attempt in 1..=retry::ATTEMPTS {
            let known = self.load(store, id).await?;
            let seen = known.as_ref().map_or(0, |known| known.revision);
            let Some(value) = edit(known.map(|known| known.value))? else {
                return Ok(None);
            };
            if self.save(store, id, &value, seen).await? == Written::Done {
                let revision = seen + 1;
                return Ok(Some(Versioned { value, revision }));
            }
            retry::wait(attempt).await;
        }
        let what = format!("{}/{id}", self.partition);
        let attempts = retry::ATTEMPTS;
        Err(E::from(Error::Contended { what, attempts }))
    }

    /// A conditional write, as part of a transaction: see [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// When the record has no JSON.
    pub fn put(&self, id: &str, value: &T, seen: u64) -> Result<Write, Error> {
        Ok(Write::Put {
            key: self.key(id),
            row: self.row(id, value)?,
            seen,
        })
    }

    /// A write whatever stands there, as part of a transaction. The table may
    /// delete it at the time that `expires` says.
    ///
    /// # Errors
    ///
    /// When the record has no JSON.
    pub fn replace(&self, id: &str, value: &T) -> Result<Write, Error> {
        Ok(Write::Replace {
            key: self.key(id),
            row: self.row(id, value)?,
            expires: (self.expires)(value),
        })
    }

    /// The record as it is stored.
    ///
    /// # Errors
    ///
    /// When it has no JSON.
    pub fn row(&self, id: &str, value: &T) -> Result<Row, Error> {
        let state = serde_json::to_value(value);
        let state = state.map_err(|error| Error::damaged(&self.key(id).sk, error))?;
        Ok(Row {
            state: Some(state),
            ..Row::default()
        })
    }
}

/// What is stored at a key, as a record.
///
/// # Errors
///
/// When the record is damaged.
pub(crate) fn read<T: DeserializeOwned>(key: &Key, row: Row) -> Result<Versioned<T>, Error> {
    let state = row.state.unwrap_or_default();
    let value = serde_json::from_value(state).map_err(|error| {
        let what = format!("record {}/{}", key.pk, key.sk);
        Error::damaged(what, error)
    })?;
    let revision = row.revision;
    Ok(Versioned { value, revision })
}
