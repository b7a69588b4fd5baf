//! Where a comparison goes on.

use crate::data_table::key::{self, Key};
use rewind::{MAX_ROW_KEY, Target};
use serde::{Deserialize, Serialize};

/// Where a comparison goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub(super) partition: usize,
    pub(super) a: RowAt,
    pub(super) b: RowAt,
}

/// Up to where a partition is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowAt {
    pub(super) after: Option<String>,
    pub(super) is_last: bool,
}

impl Cursor {
    /// Whether a comparison of these two generations can have ended here. A
    /// cursor comes back from a client, who may have made it up.
    pub fn is_of(&self, [a, b]: [&Target; 2]) -> bool {
        let partition = self.partition;
        self.a.is_in(a, partition) && self.b.is_in(b, partition)
    }
}

impl RowAt {
    fn is_in(&self, target: &Target, partition: usize) -> bool {
        let Some(pk) = key::row_partitions(target).nth(partition) else {
            return false;
        };
        self.after.as_ref().is_none_or(|key| {
            (1..=MAX_ROW_KEY).contains(&key.len()) && Key::row(target, key).pk == pk
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_cursor_is_of_two_generations_or_refused() {
        let target = |generation| Target {
            projection: "products".into(),
            generation,
        };
        let (a, b) = (target(1), target(2));
        let is_of = |partition: u64, after_a: Value, after_b: Value| {
            let place = |after| json!({"after": after, "is_last": false});
            let cursor = json!({
                "partition": partition, "a": place(after_a), "b": place(after_b),
            });
            let cursor: Cursor = serde_json::from_value(cursor).unwrap();
            cursor.is_of([&a, &b])
        };
        let key = Key::row(&a, "x");
        let mut partitions = key::row_partitions(&a);
        let of = partitions.position(|pk| pk == key.pk).unwrap() as u64;
        assert!(Cursor::default().is_of([&a, &b]));
        assert!(is_of(of, json!("x"), json!("x/1")));
        // What DynamoDB would refuse for good, and what would end a comparison
        // before it began.
        assert!(!is_of(8, json!(null), json!(null)));
        assert!(!is_of(u64::MAX, json!(null), json!(null)));
        assert!(!is_of(of + 1, json!("x"), json!(null)));
        assert!(!is_of(of, json!("x"), json!("")));
        assert!(!is_of(of, json!("x".repeat(1025)), json!(null)));
    }
}
