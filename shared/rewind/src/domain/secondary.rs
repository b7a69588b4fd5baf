//! Secondary keys: a second way to find the rows of a projection.

use std::fmt;

/// A second way to find the rows of a projection: a text that each row has,
/// which many of them may share. `GET /projections/{name}?by=NAME&value=VALUE`
/// lists the rows that have it.
///
/// ```
/// use rewind::SecondaryKey;
///
/// struct Order { user_id: Option<String> }
///
/// let by_user = SecondaryKey::named("user", |order: &Order| order.user_id.clone());
/// ```
pub struct SecondaryKey<R> {
    pub(crate) name: &'static str,
    pub(crate) value: ValueOf<R>,
}

/// What a row is found by, if by anything.
pub(crate) type ValueOf<R> = Box<dyn Fn(&R) -> Option<String> + Send + Sync>;

impl<R> SecondaryKey<R> {
    /// A key of this name. `value` has to be pure, as a fold is; a row without a
    /// value, or with an empty one, is in no list.
    #[must_use]
    pub fn named(
        name: &'static str,
        value: impl Fn(&R) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            value: Box::new(value),
        }
    }
}

impl<R> fmt::Debug for SecondaryKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = f.debug_struct("SecondaryKey");
        key.field("name", &self.name).finish_non_exhaustive()
    }
}
