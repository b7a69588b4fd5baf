//! Secrets that were read a short while ago.

use super::secret::Secret;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So long a secret is taken as it was read. A rotation keeps the old secret
/// valid for longer than that, and a refusal ends it at once.
const FRESH: Duration = Duration::from_secs(300);

/// Secrets by their names, and when they were read.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<String, (Instant, Secret)>>);

impl Cache {
    /// A secret that is fresh.
    pub fn get(&self, now: Instant, name: &str) -> Option<Secret> {
        let known = self.known();
        let (read, secret) = known.get(name)?;
        (now.saturating_duration_since(*read) < FRESH).then(|| secret.clone())
    }

    /// Takes a secret that was read at this time.
    pub fn put(&self, now: Instant, name: &str, secret: &Secret) {
        self.known().insert(name.into(), (now, secret.clone()));
    }

    pub fn forget(&self, name: &str) {
        self.known().remove(name);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, Secret)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_fresh_for_five_minutes_or_until_it_is_forgotten() {
        let (now, cache) = (Instant::now(), Cache::default());
        assert_eq!(cache.get(now, "a"), None);
        let secret = Secret::new("s");
        cache.put(now, "a", &secret);
        let soon = now + Duration::from_secs(299);
        assert_eq!(cache.get(soon, "a"), Some(secret));
        assert_eq!(cache.get(soon, "b"), None);
        assert_eq!(cache.get(now + FRESH, "a"), None);
        cache.forget("a");
        assert_eq!(cache.get(soon, "a"), None);
    }
}
