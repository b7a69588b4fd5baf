//! The state folder on its disk.
//!
//! The room knows paths, permissions, the lock, and free space. It does not know what the files hold: each room writes
//! its own.

pub(crate) mod disk;
pub(crate) mod folder;
pub(crate) mod private;
