//! Numbered events: how far the sources of a stream have counted, so that a
//! repeat is seen without a claim of its own.
//!
//! A producer that numbers its events gives them the ids `#STREAM/1`, `#STREAM/2`
//! and so on. Each commit of the stream carries forward the highest number of
//! each source. An event with a higher number than its source's has never been
//! recorded. One with the same or a lower number may have been: it stands in the
//! commit at which the source passed the number, or it came late, and late ones
//! are claimed.
//!
//! The id has stream and number in it, so that whoever has the id has both: an event
//! cannot be sent once with its number and once without, nor to two streams.

use super::{event::CloudEvent, reserved::is_reserved};
use crate::StreamName;
use sha2::{Digest, Sha256};

/// What the id of a numbered event begins with. No other id may.
pub const MARK: char = '#';

/// The most sources of a stream that are kept: the first ones. All others keep
/// their claims, so that none has to be given up for another, whose repeats
/// nobody would see then.
pub const MAX_SOURCES: usize = 8;

/// The highest numbers of the sources of a stream, in the order of the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<(Source, u64)>);

/// A source, as it is kept. Two that share one count together, which costs a
/// claim where the one is behind the other, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(u32);

/// An event's source and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// The source.
    pub source: Source,
    /// Its number.
    pub number: u64,
}

/// How a number stands to those of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is higher: no event has it.
    New,
    /// It is not higher: an event may have it.
    Behind,
    /// The source is not kept, and there is no room for it: claims tell.
    Unknown,
}

impl CloudEvent {
    /// The number that its producer has given it: N where its id is `#STREAM/N`,
    /// in decimal without leading zeros. Rewind's own events have none.
    pub fn numbered(&self) -> Option<Numbered> {
        let number = number_in(&self.id, self.stream.as_str())?;
        Numbered::of(&self.source, number)
    }
}

impl CloudEvent {
    /// Whether its id begins as that of a numbered event and is none of its stream.
    /// No event may be recorded so.
    pub fn is_misnumbered(&self) -> bool {
        self.id.starts_with(MARK) && !is_reserved(&self.source) && self.numbered().is_none()
    }
}

/// The stream and the number of the event of a source with this id, where its id
/// is that of a numbered one.
pub fn numbered(source: &str, id: &str) -> Option<(StreamName, Numbered)> {
    let (stream, _) = id.strip_prefix(MARK)?.rsplit_once('/')?;
    let numbered = Numbered::of(source, number_in(id, stream)?)?;
    Some((StreamName::new(stream).ok()?, numbered))
}

fn number_in(id: &str, stream: &str) -> Option<u64> {
    let digits = id.strip_prefix(MARK)?.strip_prefix(stream)?;
    let digits = digits.strip_prefix('/')?;
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_decimal && (digits == "0" || !digits.starts_with('0'));
    is_plain.then(|| digits.parse().ok())?
}

impl Numbered {
    fn of(source: &str, number: u64) -> Option<Self> {
        let of = |source| Self {
            source: Source::of(source),
            number,
        };
        (!is_reserved(source)).then(|| of(source))
    }
}

impl Source {
    /// The source of this name.
    pub fn of(name: &str) -> Self {
        let hash = Sha256::digest(name.as_bytes());
        Self(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
    }
}

impl Numbers {
    /// The highest number of a source that is kept.
    pub fn last(&self, source: Source) -> Option<u64> {
        let found = self.0.iter().find(|(known, _)| *known == source);
        found.map(|(_, number)| *number)
    }

    /// Whether a source has come to a number.
    pub fn has_come(&self, to: Numbered) -> bool {
        self.last(to.source).is_some_and(|last| last >= to.number)
    }

    /// How an event stands to what is recorded.
    pub fn standing(&self, event: Numbered) -> Standing {
        match self.last(event.source) {
            Some(last) if event.number > last => Standing::New,
            Some(_) => Standing::Behind,
            None if self.0.len() < MAX_SOURCES => Standing::New,
            None => Standing::Unknown,
        }
    }

    /// Takes note of an event that is recorded behind all others.
    pub fn take(&mut self, event: Numbered) {
        match self
            .0
            .binary_search_by_key(&event.source, |(known, _)| *known)
        {
            Ok(nth) => self.0[nth].1 = event.number.max(self.0[nth].1),
            Err(nth) if self.0.len() < MAX_SOURCES => {
                self.0.insert(nth, (event.source, event.number));
            }
            Err(_) => {}
        }
    }

    /// Whether no source has numbered an event.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they are stored: eight hexadecimal digits for a source, and its number.
    pub fn stored(&self) -> impl Iterator<Item = (String, u64)> {
        let sources = self.0.iter();
        sources.map(|(source, number)| (format!("{:08x}", source.0), *number))
    }

    /// What [`stored`](Self::stored) gave; `None` where it did not.
    pub fn read<'a>(stored: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Self> {
        let mut sources = Vec::new();
        for (source, number) in stored {
            let source = u32::from_str_radix(source, 16).ok()?;
            sources.push((Source(source), number));
        }
        sources.sort_unstable();
        (sources.len() <= MAX_SOURCES).then_some(Self(sources))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: &str, number: u64) -> Numbered {
        Numbered::of(source, number).unwrap()
    }

    #[test]
    fn a_number_is_the_streams_name_and_plain_digits() {
        assert_eq!(number_in("#cart-1/7", "cart-1"), Some(7));
        assert_eq!(number_in("#cart-1/0", "cart-1"), Some(0));
        assert_eq!(
            number_in("#cart-1/18446744073709551615", "cart-1"),
            Some(u64::MAX)
        );
        for id in [
            "7",
            "#",
            "#7",
            "#cart-1",
            "cart-1/7",
            "#cart-1/",
            "#cart-1/07",
            "#cart-1/+7",
            "#cart-1/7a",
            "#cart-1/1/7",
            "#cart-11/7",
            "#cart-1/18446744073709551616",
        ] {
            assert_eq!(number_in(id, "cart-1"), None, "{id}");
        }
        let stream = |source, id| numbered(source, id).map(|(stream, _)| stream.to_string());
        assert_eq!(stream("/s", "#cart-a:b-c/7").as_deref(), Some("cart-a:b-c"));
        // No stream has a slash in its name.
        assert_eq!(stream("/s", "#cart-a/b/7"), None);
        assert_eq!(stream("/s", "#cart-a/b"), None);
        assert_eq!(stream("/s", "7"), None);
        assert_eq!(stream("/rewind/rule/x", "#cart-1/7"), None);
    }

    #[test]
    fn what_is_behind_is_known_and_what_has_no_room_is_unknown() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.standing(at("/a", 5)), Standing::New);
        numbers.take(at("/a", 5));
        numbers.take(at("/a", 3));
        assert_eq!(numbers.standing(at("/a", 5)), Standing::Behind);
        assert_eq!(numbers.standing(at("/a", 6)), Standing::New);
        assert_eq!(numbers.standing(at("/b", 1)), Standing::New);
        for nth in 0..20 {
            numbers.take(at(&nth.to_string(), 1));
        }
        assert_eq!(numbers.standing(at("/b", 1)), Standing::Unknown);
        assert_eq!(numbers.standing(at("0", 1)), Standing::Behind);
        assert_eq!(numbers.last(Source::of("/a")), Some(5));
        let stored: Vec<(String, u64)> = numbers.stored().collect();
        assert_eq!(stored.len(), MAX_SOURCES);
        let read = Numbers::read(stored.iter().map(|(source, last)| (&**source, *last)));
        let read = read.unwrap();
        for (source, _) in &numbers.0 {
            assert_eq!(read.last(*source), numbers.last(*source));
        }
        assert_eq!(Numbers::read([("x", 1)]), None);
    }
}
