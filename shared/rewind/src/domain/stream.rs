//! Names of streams, and the partition of its category's index that a stream lies in.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fmt, str::FromStr};

mod escape;

/// Into how many partitions the index of each category is cut, so that playbacks
/// read in parallel and no index partition takes all of a category's writes.
///
/// It is part of the stored format: changing it orphans what is stored.
pub const PARTITIONS: u8 = 8;

/// The longest name of a stream, in bytes.
pub const MAX_STREAM_NAME: usize = 256;

/// The name of a stream: `category-id`, such as `cart-456`.
///
/// The category ends at the first `-`. Letters, digits, `_`, `.`, `:` and `-`
/// are allowed, at most [`MAX_STREAM_NAME`] of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

/// Why a text is not the name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStreamName {
    /// The text is empty.
    #[error("is empty; a stream is named `category-id`, such as `cart-456`")]
    Empty,
    /// The text is longer than [`MAX_STREAM_NAME`].
    #[error("is {0} bytes long; at most {MAX_STREAM_NAME} are allowed")]
    TooLong(usize),
    /// A character outside of the allowed set.
    #[error("has the character {0:?}; only A-Z a-z 0-9 _ . : - are allowed")]
    Character(char),
    /// No `-`, or nothing on one side of it.
    #[error("has no category and id; a stream is named `category-id`, such as `cart-456`")]
    Shape,
    /// A `-` in the category.
    #[error("has a category with `-`, where the id begins")]
    Category,
}

impl StreamName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`BadStreamName`] says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, BadStreamName> {
        let name = name.into();
        if name.is_empty() {
            return Err(BadStreamName::Empty);
        }
        if name.len() > MAX_STREAM_NAME {
            return Err(BadStreamName::TooLong(name.len()));
        }
        if let Some(stranger) = name.chars().find(|c| !escape::is_allowed(*c)) {
            return Err(BadStreamName::Character(stranger));
        }
        match name.split_once('-') {
            Some((category, id)) if !category.is_empty() && !id.is_empty() => Ok(Self(name)),
            _ => Err(BadStreamName::Shape),
        }
    }

    /// Builds `category-id` from parts, for any id: two ids never have one name.
    ///
    /// What a name may not have is escaped as in percent-encoding, with `_x`
    /// in the place of `%`: `ann smith` becomes `ann_x20smith`. An id that
    /// holds `_x` and two digits itself has that `_` escaped, any other id of
    /// allowed characters keeps its name. `_x` was chosen because ids have it
    /// less often than any single character that a name may have.
    ///
    /// An id that is too long is cut, and its SHA-256 follows behind `_xFF`: a
    /// byte that no text has, so that no short id looks like that.
    ///
    /// # Errors
    ///
    /// [`BadStreamName`] when the category is no category or leaves no room,
    /// or the id is empty.
    pub fn of(category: &str, id: &str) -> Result<Self, BadStreamName> {
        if category.contains('-') {
            // `a-b` and `c` would be the stream of `a` and `b-c`.
            return Err(BadStreamName::Category);
        }
        let room = MAX_STREAM_NAME.saturating_sub(category.len() + 1);
        Self::new(format!("{category}-{}", escape::escaped(id, room)))
    }

    /// The id that [`StreamName::of`] made the name of, where the name still
    /// tells: `None` where it was too long.
    ///
    /// A name that was recorded by an older version, which put `_` in the place
    /// of what it could not write, gives the id as it stands there.
    pub fn original_id(&self) -> Option<Cow<'_, str>> {
        escape::original(self.id())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first `-`.
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or("", |(category, _)| category)
    }

    /// What stands behind the first `-`.
    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }

    /// The index partition that the stream's commits lie in: `category#partition`.
    pub fn partition(&self) -> String {
        partition_name(self.category(), partition_of(&self.0))
    }

    /// The slice that the stream's next commit lies in, where each partition has
    /// so many: the same on every machine.
    pub fn slice(&self, slices: u16) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        let slice = u16::from(digest[1]) % slices.max(1);
        slice_name(&self.partition(), slice)
    }
}

/// The name of a slice of a partition. The first has the name of the partition, the
/// others are `category#partition/slice`.
pub fn slice_name(partition: &str, slice: u16) -> String {
    match slice {
        0 => partition.to_string(),
        _ => format!("{partition}/{slice}"),
    }
}

/// The name of an index partition: `category#partition`.
pub fn partition_name(category: &str, partition: u8) -> String {
    format!("{category}#{partition}")
}

/// The partition, `0..PARTITIONS`, of any text: the same on every machine and for ever.
pub fn partition_of(text: &str) -> u8 {
    Sha256::digest(text.as_bytes())[0] % PARTITIONS
}

impl TryFrom<String> for StreamName {
    type Error = BadStreamName;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl FromStr for StreamName {
    type Err = BadStreamName;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_ends_at_the_first_dash() {
        let name = StreamName::new("input:shop-a-b").unwrap();
        assert_eq!((name.category(), name.id()), ("input:shop", "a-b"));
    }

    #[test]
    fn bad_names_say_why() {
        assert_eq!(StreamName::new(""), Err(BadStreamName::Empty));
        assert_eq!(StreamName::new("cart"), Err(BadStreamName::Shape));
        assert_eq!(StreamName::new("-1"), Err(BadStreamName::Shape));
        assert_eq!(StreamName::new("cart-"), Err(BadStreamName::Shape));
        assert_eq!(
            StreamName::new("cart-1/2"),
            Err(BadStreamName::Character('/'))
        );
        assert_eq!(
            StreamName::new(format!("c-{}", "x".repeat(255))),
            Err(BadStreamName::TooLong(257))
        );
    }

    #[test]
    fn a_category_ends_where_the_id_begins() {
        assert_eq!(StreamName::of("a-b", "c"), Err(BadStreamName::Category));
        assert_eq!(StreamName::of("a", "b-c").unwrap().as_str(), "a-b-c");
        assert_eq!(StreamName::of("a", ""), Err(BadStreamName::Shape));
        let category = "c".repeat(250);
        assert_eq!(StreamName::of(&category, "12345").unwrap().id(), "12345");
        let long = StreamName::of(&category, "123456");
        assert!(matches!(long, Err(BadStreamName::TooLong(_))), "{long:?}");
    }

    #[test]
    fn slices_are_part_of_the_stored_format() {
        assert_eq!(StreamName::new("cart-456").unwrap().partition(), "cart#5");
        assert_eq!(StreamName::new("poll-1").unwrap().partition(), "poll#6");
    }
}
