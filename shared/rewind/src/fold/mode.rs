//! Whether what happens may reach the outside.
//!
//! A call can only be asked for with a [`Live`] in hand, and there is one way to
//! get it: an event that was recorded here, while its reader was at work, and
//! that no replay has brought. Code for replays cannot make one.

use crate::{RecordedEvent, Timestamp, reserved::is_imported};

/// Leave to call gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live(());

/// Why there is no leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// A playback sends it again.
    Replayed,
    /// It comes from another system, or an older one: it happened there.
    Imported,
    /// It is older than its reader: what it would have led to was never wanted.
    Before,
}

/// Whether what happens may reach the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It may.
    Live(Live),
    /// It may not.
    Silent(Silent),
}

impl Mode {
    /// That of an event. `since` is the position at which its reader began;
    /// `is_replayed` says that a playback has brought it.
    pub fn of(event: &RecordedEvent, since: u64, is_replayed: bool) -> Self {
        match () {
            () if is_replayed => Self::Silent(Silent::Replayed),
            () if is_imported(&event.event) => Self::Silent(Silent::Imported),
            () if event.position < since => Self::Silent(Silent::Before),
            () => Self::Live(Live(())),
        }
    }

    /// That of a deadline, by the time at which it was due.
    pub fn of_deadline(at: Timestamp, since: u64) -> Self {
        match u64::try_from(at.as_microsecond()).is_ok_and(|at| at >= since) {
            true => Self::Live(Live(())),
            false => Self::Silent(Silent::Before),
        }
    }

    /// That of a call that a journal holds: its process has asked for it with
    /// leave, and perhaps nobody has sent it on. A replay completes it.
    pub(crate) fn of_issued(event: &RecordedEvent) -> Self {
        match is_imported(&event.event) {
            true => Self::Silent(Silent::Imported),
            false => Self::Live(Live(())),
        }
    }

    /// The testing kit's, which calls nobody.
    pub(crate) fn assumed() -> Self {
        Self::Live(Live(()))
    }
}
