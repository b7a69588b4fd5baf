//! Sending events and markers to the replay stream.

use super::{playing::Playing, progress::Sent};
use crate::{
    Error,
    aws::{publish::Run, retry},
    history::partition,
};
use rewind::{Commit, Delivery, RecordedEvent, StreamName, delivery::Marker};
use std::collections::BTreeMap;

/// How often a page that Kinesis does not take is sent before the invocation
/// fails.
const MAX_SENDS: u32 = 4;

impl Playing<'_> {
    /// The selected events of some commits, by stream.
    pub(super) fn runs(
        &self,
        commits: &[Commit],
    ) -> Result<BTreeMap<StreamName, Vec<RecordedEvent>>, Error> {
        // A stream's commits rise in a partition: consecutive ones share records.
        let mut runs: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
        for event in partition::selected(commits, &self.request.what)? {
            let run = runs.entry(event.stream().clone()).or_default();
            run.push(event);
        }
        Ok(runs)
    }

    /// Sends runs of one partition to the replay stream, and returns when Kinesis
    /// holds all of them. A dry run only counts them.
    pub(super) async fn send(
        &self,
        partition: &str,
        runs: &BTreeMap<StreamName, Vec<RecordedEvent>>,
    ) -> Result<Sent, Error> {
        let partitions = runs.iter();
        let partitions = partitions.map(|(stream, events)| (stream, events.as_slice()));
        let records = Delivery::aggregate(partitions, Some(&self.replay));
        let bytes = records.iter().map(|record| record.len() as u64);
        let sent = Sent {
            events: runs.values().map(|events| events.len() as u64).sum(),
            records: records.len() as u64,
            bytes: bytes.clone().sum(),
            billed_bytes: bytes.map(|bytes| bytes.next_multiple_of(1024)).sum(),
            read_units: 0,
        };
        if !self.request.dry_run {
            self.put(partition, records).await?;
        }
        Ok(sent)
    }

    /// Says where the playback is.
    pub(super) async fn mark(&self, partition: &str, marker: Marker) -> Result<(), Error> {
        if self.request.dry_run {
            return Ok(());
        }
        let record = Delivery::marker(&self.replay, marker);
        self.put(partition, vec![record]).await
    }

    async fn put(&self, partition: &str, records: Vec<Vec<u8>>) -> Result<(), Error> {
        // All streams of a partition share its records, so they share its key.
        let key = match StreamName::new(partition) {
            Ok(stream) => stream.partition(),
            Err(_) => partition.to_string(),
        };
        let mut records = records;
        let replay = &self.player.replay;
        for attempt in 1.. {
            let before = replay.refused();
            let run = Run::of_records(key.clone(), records.clone());
            let published = replay.publish(vec![run]).await.remove(0);
            self.pacer.note(replay.refused() > before).await;
            let Some(reason) = published.refused else {
                return Ok(());
            };
            if attempt == MAX_SENDS || !self.has_time() {
                return Err(Error::Service {
                    operation: "PutRecords",
                    reason,
                });
            }
            records.drain(..published.held);
            retry::wait(attempt).await;
        }
        Ok(())
    }
}
