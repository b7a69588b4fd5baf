//! One way to take a lock, in the whole crate.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, also after a panic of its last holder.
///
/// Every change that this crate makes under a lock is a single step. A panic cannot leave one half done, so the value
/// is right also when the lock is poisoned.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
