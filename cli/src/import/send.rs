//! Sending an import's events, chunk by chunk, in order within each stream.

use indicatif::ProgressBar;
use rewind::{Batch, CloudEvent, StreamName};
use rewind_aws::aws::producer::{Outgoing, Stream};
use std::collections::{BTreeMap, BTreeSet};

/// The most events that wait to be sent together.
const MAX_EVENTS: usize = 2000;

/// The most bytes of lines that wait to be sent together.
const MAX_BYTES: usize = 4_000_000;

/// Puts events on the stream of accepted events.
pub struct Sender {
    incoming: Stream,
    /// How much of the file is sent, in bytes.
    bar: ProgressBar,
    /// How much of it is read.
    read: u64,
    waiting: Vec<CloudEvent>,
    bytes: usize,
    /// The number of events that Kinesis has acknowledged.
    pub events: u64,
    /// The streams of these events.
    streams: BTreeSet<StreamName>,
}

impl Sender {
    pub fn new(incoming: Stream, bar: ProgressBar) -> Self {
        Self {
            incoming,
            bar,
            read: 0,
            waiting: Vec::new(),
            bytes: 0,
            events: 0,
            streams: BTreeSet::new(),
        }
    }

    /// Returns the number of streams of these events.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Notes how much of the file is read: with the next events that are sent, so
    /// much of it is sent.
    pub fn reached(&mut self, read: u64) {
        self.read = read;
    }

    /// Adds an event. When enough events wait, all are sent.
    pub async fn add(&mut self, event: CloudEvent, bytes: usize) -> Result<(), String> {
        self.waiting.push(event);
        self.bytes += bytes;
        match self.waiting.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Sends all events that wait. An event that fails is not sent again: it
    /// would come behind its successors.
    pub async fn flush(&mut self) -> Result<(), String> {
        let mut streams: BTreeMap<StreamName, Vec<CloudEvent>> = BTreeMap::new();
        for event in self.waiting.drain(..) {
            streams.entry(event.stream.clone()).or_default().push(event);
        }
        self.bytes = 0;
        let mut records = Vec::new();
        let mut sizes = Vec::new();
        for (stream, events) in streams {
            for packed in Batch::encode(&events) {
                records.push(Outgoing {
                    key: stream.to_string(),
                    data: packed.text.into_bytes(),
                });
                sizes.push((stream.clone(), packed.events as u64));
            }
        }
        let mut failed = Ok(());
        let answers = self.incoming.put_in_order(&records).await;
        for ((stream, events), answer) in sizes.into_iter().zip(answers) {
            match answer {
                Ok(()) => {
                    self.events += events;
                    self.streams.insert(stream);
                }
                Err(reason) => failed = failed.and(Err(reason)),
            }
        }
        self.bar.set_position(self.read);
        self.bar.set_message(format!("{} events", self.events));
        failed
    }
}
