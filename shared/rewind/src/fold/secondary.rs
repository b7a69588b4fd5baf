//! Secondary keys of projections: the registered form, its types taken away.

use super::{panics::guarded, reaction};
use crate::{MAX_SECONDARY_KEY, Rejection, SecondaryKey, record::misfit};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// The value of a row.
type ValueOf = dyn Fn(&Value) -> Result<Option<String>, Rejection> + Send + Sync;

/// The secondary key of a projection.
#[derive(Clone)]
pub struct KeptSecondaryKey {
    /// Its name.
    pub name: &'static str,
    value: Arc<ValueOf>,
}

impl KeptSecondaryKey {
    /// Takes the types away.
    pub(super) fn of<R: DeserializeOwned + 'static>(key: SecondaryKey<R>) -> Self {
        let SecondaryKey { name, value } = key;
        let value = move |row: &Value| {
            let row: R = misfit::decode_value(row)
                .map_err(|misfit| Rejection::new(format!("the row does not fit: {misfit}")))?;
            guarded(|| Ok(value(&row)))
        };
        Self {
            name,
            value: Arc::new(value),
        }
    }

    /// What a row is found by; `None` where it has no value, or an empty one.
    ///
    /// # Errors
    ///
    /// A rejection where the value is too long, or the key panics.
    pub fn value(&self, row: &Value) -> Result<Option<String>, Rejection> {
        let of_key = |why: &dyn fmt::Display| {
            Rejection::new(format!("the secondary key `{}`: {why}", self.name))
        };
        let value = (self.value)(row).map_err(|refused| of_key(&refused))?;
        let value = value.filter(|value| !value.is_empty());
        if let Some(bytes) = value.as_ref().map(String::len)
            && bytes > MAX_SECONDARY_KEY
        {
            let why = format!("a value has {bytes} bytes; {MAX_SECONDARY_KEY} are possible");
            return Err(of_key(&why));
        }
        Ok(value)
    }

    /// Checks the name.
    ///
    /// # Panics
    ///
    /// When it is no name.
    pub(crate) fn check(&self) {
        let name = self.name;
        assert!(
            reaction::is_name(name),
            "a secondary key is named with A-Z a-z 0-9 _ . - only: {name:?}"
        );
    }
}

impl fmt::Debug for KeptSecondaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = f.debug_struct("KeptSecondaryKey");
        key.field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(value: impl Fn(&String) -> Option<String> + Send + Sync + 'static) -> KeptSecondaryKey {
        KeptSecondaryKey::of(SecondaryKey::named("text", value))
    }

    #[test]
    fn a_value_that_is_empty_is_none() {
        let own = key(|row| Some(row.clone()));
        assert_eq!(own.value(&json!("ann")), Ok(Some("ann".into())));
        assert_eq!(own.value(&json!("")), Ok(None));
        assert_eq!(key(|_| None).value(&json!("ann")), Ok(None));
    }

    #[test]
    fn a_value_that_no_index_holds_is_refused_and_so_is_a_panic() {
        let own = key(|row| Some(row.clone()));
        let most = "x".repeat(MAX_SECONDARY_KEY);
        assert_eq!(own.value(&json!(most)), Ok(Some(most.clone())));
        let refused = own.value(&json!(most + "x")).unwrap_err();
        assert!(refused.reason.contains("`text`"), "{refused}");
        let refused = own.value(&json!(7)).unwrap_err();
        assert!(refused.reason.contains("does not fit"), "{refused}");
        let panics = key(|row| Some(row[99..].to_string()));
        let refused = panics.value(&json!("ann")).unwrap_err();
        assert!(refused.reason.contains("panicked"), "{refused}");
    }

    #[test]
    fn a_name_is_a_name() {
        for name in ["", "a b", "a&b"] {
            let checked = std::panic::catch_unwind(|| {
                KeptSecondaryKey::of(SecondaryKey::named(name, |_: &u64| None)).check();
            });
            assert!(checked.is_err(), "{name}");
        }
        key(|_| None).check();
    }
}
