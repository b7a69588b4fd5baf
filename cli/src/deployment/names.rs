//! The parts of a deployment, and their names.

use clap::Args as ClapArgs;
use std::collections::BTreeMap;

/// The names of a deployment's parts.
#[derive(ClapArgs, Clone)]
#[group(skip)]
pub struct Names {
    /// The physical name of the events table. An option for a name takes
    /// precedence over the stack's name, the environment does not.
    #[arg(long, default_value = "rewind-eventstable", env = "EVENTS_TABLE")]
    pub events_table: String,
    /// The physical name of the data store's table.
    #[arg(long, default_value = "rewind-datatable", env = "DATA_TABLE")]
    pub data_table: String,
    /// The physical name of the stream of recorded events.
    #[arg(long, default_value = "rewind-eventsstream", env = "EVENTS_STREAM")]
    pub events_stream: String,
    /// The physical name of the stream of accepted events.
    #[arg(long, default_value = "rewind-incomingstream", env = "INCOMING_STREAM")]
    pub incoming_stream: String,
    /// The physical name of the replay stream.
    #[arg(long, default_value = "rewind-replaystream", env = "REPLAY_STREAM")]
    pub replay_stream: String,
    /// The name of the playback function.
    #[arg(long, default_value = "rewind-playback", env = "PLAYBACK_FUNCTION")]
    pub playback_function: String,
    /// The name of the bucket of dead letters.
    #[arg(long, default_value = "rewind-deadletters", env = "DEAD_LETTER_BUCKET")]
    pub dead_letter_bucket: String,
    /// Which of them the command line has.
    #[arg(skip)]
    given: Vec<Part>,
}

/// A part of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    EventsTable,
    DataTable,
    EventsStream,
    IncomingStream,
    ReplayStream,
    PlaybackFunction,
    DeadLetterBucket,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::EventsTable,
        Self::DataTable,
        Self::EventsStream,
        Self::IncomingStream,
        Self::ReplayStream,
        Self::PlaybackFunction,
        Self::DeadLetterBucket,
    ];

    /// What it is.
    pub fn what(self) -> &'static str {
        match self {
            Self::EventsTable | Self::DataTable => "table",
            Self::EventsStream | Self::IncomingStream | Self::ReplayStream => "stream",
            Self::PlaybackFunction => "function",
            Self::DeadLetterBucket => "bucket",
        }
    }

    /// The option for its name.
    pub fn option(self) -> &'static str {
        match self {
            Self::EventsTable => "--events-table",
            Self::DataTable => "--data-table",
            Self::EventsStream => "--events-stream",
            Self::IncomingStream => "--incoming-stream",
            Self::ReplayStream => "--replay-stream",
            Self::PlaybackFunction => "--playback-function",
            Self::DeadLetterBucket => "--dead-letter-bucket",
        }
    }

    /// The output of `template.yaml` that holds its name.
    pub fn output(self) -> &'static str {
        match self {
            Self::EventsTable => "EventsTable",
            Self::DataTable => "DataTable",
            Self::EventsStream => "EventsStream",
            Self::IncomingStream => "IncomingStream",
            Self::ReplayStream => "ReplayStream",
            Self::PlaybackFunction => "PlaybackFunction",
            Self::DeadLetterBucket => "DeadLetterBucket",
        }
    }

    /// The name of its option in clap's matches.
    fn id(self) -> String {
        self.option().trim_start_matches('-').replace('-', "_")
    }
}

impl Names {
    /// Remembers which names the command line has.
    pub fn given(mut self, is_given: impl Fn(&str) -> bool) -> Self {
        let given = Part::ALL.into_iter().filter(|part| is_given(&part.id()));
        self.given = given.collect();
        self
    }

    /// Takes the names in a stack's outputs, except those that the command line
    /// has. What the environment names is not the stack's.
    ///
    /// # Errors
    ///
    /// The parts among the needed ones that the outputs do not name.
    pub fn of_stack(
        &self,
        outputs: &BTreeMap<String, String>,
        needed: &[Part],
    ) -> Result<Self, Vec<Part>> {
        let mut names = self.clone();
        let mut missing = Vec::new();
        for part in Part::ALL {
            if self.given.contains(&part) {
                continue;
            }
            match outputs.get(part.output()).filter(|name| !name.is_empty()) {
                Some(name) => *names.of_mut(part) = name.clone(),
                None if needed.contains(&part) => missing.push(part),
                None => {}
            }
        }
        match missing.is_empty() {
            true => Ok(names),
            false => Err(missing),
        }
    }

    /// Whether the command line has the name of this part.
    pub fn is_given(&self, part: Part) -> bool {
        self.given.contains(&part)
    }

    /// The options for the names that the command line has, such as
    /// ` --data-table t`.
    pub fn options(&self) -> String {
        let given = self.given.iter();
        given
            .map(|part| format!(" {} {}", part.option(), self.of(*part)))
            .collect()
    }

    /// Returns the part whose name a service's message contains.
    pub fn part_in(&self, words: &str) -> Option<Part> {
        let parts = Part::ALL.into_iter();
        let named = parts.filter(|part| words.contains(self.of(*part)));
        // One name may be the beginning of another.
        named.max_by_key(|part| self.of(*part).len())
    }

    /// Returns the name of a part.
    pub fn of(&self, part: Part) -> &str {
        match part {
            Part::EventsTable => &self.events_table,
            Part::DataTable => &self.data_table,
            Part::EventsStream => &self.events_stream,
            Part::IncomingStream => &self.incoming_stream,
            Part::ReplayStream => &self.replay_stream,
            Part::PlaybackFunction => &self.playback_function,
            Part::DeadLetterBucket => &self.dead_letter_bucket,
        }
    }

    fn of_mut(&mut self, part: Part) -> &mut String {
        match part {
            Part::EventsTable => &mut self.events_table,
            Part::DataTable => &mut self.data_table,
            Part::EventsStream => &mut self.events_stream,
            Part::IncomingStream => &mut self.incoming_stream,
            Part::ReplayStream => &mut self.replay_stream,
            Part::PlaybackFunction => &mut self.playback_function,
            Part::DeadLetterBucket => &mut self.dead_letter_bucket,
        }
    }
}
