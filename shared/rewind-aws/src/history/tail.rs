//! The tail: recorded events of some categories, read on and on, none missed and
//! none twice, those of a stream in its order.
//!
//! Two things make that hard. A position is given before the insert, so a slow
//! process inserts behind what was read already. And the index lags, entry by
//! entry. Both are bounded ([`SETTLES`]): what lies further back is settled. So a
//! place is a position up to which all is settled and told, and the list of the
//! commits above it that were told already. Each read begins at the position
//! again and passes over that list: what has landed late is then found. The list
//! is bounded too. Where it is full, the tail waits until its beginning settles.
//!
//! A stream's order does not depend on the index: before a commit that is not
//! settled is told, the one in front of it was told, or is read from the table.

mod place;
mod read;

pub use place::Place;
pub use read::{Tail, Told};
use std::time::Duration;

/// How long a position may be on its way into the index: the time of a function
/// that appends (`Timeout` in `template.yaml`, 60 s), as whoever gives a position
/// inserts in the same invocation, and the lag of the index.
pub const SETTLES: Duration = Duration::from_secs(65);

/// How many commits that are not settled a place names, where it goes into a
/// URL: eight bytes each.
pub const MOST_IN_URL: usize = 256;
