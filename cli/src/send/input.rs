//! Events from a file or from standard input: one, a JSON array, or JSON Lines.
//! Memory holds one chunk of JSON Lines, whatever their number.

use crate::end::End;
use serde_json::{StreamDeserializer, de::IoRead, value::RawValue};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    vec,
};

/// The most events that are sent together.
const MAX_EVENTS: usize = 500;

/// The most bytes that are sent together. A single event may have more.
const MAX_BYTES: usize = 2_000_000;

type Reader = Box<dyn BufRead>;

/// What is read from.
pub struct Input {
    name: String,
    from: Reader,
}

/// Events, chunk by chunk.
pub struct Items {
    from: From,
    is_at_end: bool,
}

enum From {
    Lines(Box<StreamDeserializer<'static, IoRead<Reader>, Box<RawValue>>>),
    Known(vec::IntoIter<Box<RawValue>>),
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, End> {
        let name = path.display().to_string();
        let from: Reader = match path.as_os_str() == "-" {
            true => Box::new(BufReader::new(io::stdin())),
            false => {
                let file = File::open(path);
                let file = file.map_err(|error| End::Wrong(format!("{name}: {error}")))?;
                Box::new(BufReader::new(file))
            }
        };
        Ok(Self { name, from })
    }

    /// Its events.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is an array that is not whole.
    pub fn items(mut self) -> Result<Items, End> {
        let name = self.name;
        let first = first_byte(&mut self.from);
        let first = first.map_err(|error| End::Failed(format!("{name}: {error}")))?;
        let from = match first {
            Some(b'[') => {
                let items: Vec<Box<RawValue>> =
                    serde_json::from_reader(self.from).map_err(|error| {
                        End::Wrong(format!("{name}: expected a JSON array: {error}"))
                    })?;
                From::Known(items.into_iter())
            }
            _ => {
                let read = serde_json::Deserializer::from_reader(self.from);
                From::Lines(Box::new(read.into_iter()))
            }
        };
        Ok(Items {
            from,
            is_at_end: false,
        })
    }
}

impl Items {
    /// One event.
    pub fn one(event: Box<RawValue>) -> Self {
        Self {
            from: From::Known(vec![event].into_iter()),
            is_at_end: false,
        }
    }

    /// Whether there are no more.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next events that are sent together; and why what follows them cannot
    /// be read, if so.
    pub fn next_chunk(&mut self) -> (Vec<Box<RawValue>>, Option<String>) {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < MAX_EVENTS && bytes < MAX_BYTES {
            let next = match &mut self.from {
                From::Known(items) => items.next().map(Ok),
                From::Lines(items) => items.next(),
            };
            match next {
                None => {
                    self.is_at_end = true;
                    break;
                }
                Some(Ok(item)) => {
                    bytes += item.get().len();
                    chunk.push(item);
                }
                Some(Err(error)) => {
                    self.is_at_end = true;
                    let why =
                        format!("expected an event as JSON: {error}; what follows was not sent");
                    return (chunk, Some(why));
                }
            }
        }
        (chunk, None)
    }
}

/// The first byte that is no white space, which stays to be read.
fn first_byte(from: &mut Reader) -> io::Result<Option<u8>> {
    loop {
        let read = from.fill_buf()?;
        if read.is_empty() {
            return Ok(None);
        }
        let blank = read.iter().take_while(|byte| byte.is_ascii_whitespace());
        let blank = blank.count();
        let found = read.get(blank).copied();
        from.consume(blank);
        if found.is_some() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Option<String>) {
        let from: Reader = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let input = Input {
            name: "test".into(),
            from,
        };
        let mut items = match input.items() {
            Ok(items) => items,
            Err(end) => return (Vec::new(), Some(format!("{end:?}"))),
        };
        let mut all = Vec::new();
        loop {
            let (chunk, bad) = items.next_chunk();
            all.extend(chunk.iter().map(|item| item.get().to_string()));
            if bad.is_some() || items.is_at_end() {
                return (all, bad);
            }
        }
    }

    #[test]
    fn one_event_an_array_and_json_lines_are_read() {
        for (text, count) in [
            ("", 0),
            (" \n ", 0),
            ("{\"a\":\n 1}", 1),
            (" [{\"a\": 1}, {\"a\": 2}] ", 2),
            ("[]", 0),
            ("{\"a\": 1}\n\n{\"a\": 2}\r\n{\"a\": 3}", 3),
        ] {
            let (items, bad) = read(text);
            assert_eq!((items.len(), bad), (count, None), "{text:?}");
        }
        let many = "{}\n".repeat(3 * MAX_EVENTS + 1);
        assert_eq!(read(&many).0.len(), 3 * MAX_EVENTS + 1);
    }

    #[test]
    fn what_is_before_a_bad_line_is_read() {
        let (items, bad) = read("{\"a\": 1}\n{\"a\": \n");
        assert_eq!(items, ["{\"a\": 1}"]);
        assert!(bad.unwrap().contains("line"));
        assert!(read("[{}").1.unwrap().contains("JSON array"));
        assert!(read("nonsense").1.is_some());
    }
}
