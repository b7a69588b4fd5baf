//! The parts of a deployment, and their names.

use clap::Args as ClapArgs;

/// The names of a deployment's parts.
#[derive(ClapArgs, Clone)]
#[group(skip)]
pub struct Names {
    /// The physical name of the events table.
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
}

/// A part of a deployment that a verb needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    EventsTable,
    DataTable,
    EventsStream,
    IncomingStream,
    PlaybackFunction,
}

impl Names {
    /// Returns the part whose name a service's message contains.
    pub fn part_in(&self, words: &str) -> Option<Part> {
        let parts = [
            Part::EventsTable,
            Part::DataTable,
            Part::EventsStream,
            Part::IncomingStream,
            Part::PlaybackFunction,
        ];
        let named = parts
            .into_iter()
            .filter(|part| words.contains(self.part(*part).2));
        // One name may be the beginning of another.
        named.max_by_key(|part| self.part(*part).2.len())
    }

    /// Returns what a part is, the option for its name, and its name.
    pub fn part(&self, part: Part) -> (&'static str, &'static str, &str) {
        match part {
            Part::EventsTable => ("table", "--events-table", &self.events_table),
            Part::DataTable => ("table", "--data-table", &self.data_table),
            Part::EventsStream => ("stream", "--events-stream", &self.events_stream),
            Part::IncomingStream => ("stream", "--incoming-stream", &self.incoming_stream),
            Part::PlaybackFunction => ("function", "--playback-function", &self.playback_function),
        }
    }
}
