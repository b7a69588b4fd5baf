//! Ids of any text in the characters that a stream's name may have.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Before the two upper-case hexadecimal digits of an escaped byte.
const LEAD: &str = "_x";

/// Between the beginning of a long id and its hash. No UTF-8 has the byte FF,
/// and what spells it has its `_` escaped.
const CUT: &str = "_xFF";

/// The characters of a SHA-256 in base64url.
const HASH: usize = 43;

/// An id in at most `room` bytes; longer where not even its hash has room.
pub(super) fn escaped(id: &str, room: usize) -> String {
    let whole = room.saturating_sub(CUT.len() + HASH);
    let mut name = String::new();
    let mut beginning = 0;
    for (at, c) in id.char_indices() {
        let is_escape = c == '_' && is_escaped_byte(&id.as_bytes()[at..]);
        if is_allowed(c) && !is_escape {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("{LEAD}{byte:02X}"));
            }
        }
        if name.len() <= whole {
            beginning = name.len();
        }
        if name.len() > room {
            name.truncate(beginning);
            name.push_str(CUT);
            URL_SAFE_NO_PAD.encode_string(Sha256::digest(id), &mut name);
            return name;
        }
    }
    name
}

/// The id that was escaped; `None` where it was cut.
pub(super) fn original(name: &str) -> Option<Cow<'_, str>> {
    if !name.contains(LEAD) {
        return Some(Cow::Borrowed(name));
    }
    let mut id = Vec::new();
    let mut left = name.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        if is_escaped_byte(left) {
            let digits = std::str::from_utf8(&left[2..4]).ok()?;
            id.push(u8::from_str_radix(digits, 16).ok()?);
            left = &left[4..];
        } else {
            id.push(*first);
            left = rest;
        }
    }
    String::from_utf8(id).ok().map(Cow::Owned)
}

/// Whether a stream's name may have it.
pub(super) fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')
}

fn is_escaped_byte(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    text.starts_with(LEAD.as_bytes()) && text.len() >= 4 && text[2..4].iter().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_allowed_characters_keeps_its_name() {
        for id in [
            "456",
            "a_b.c:d-e",
            "_",
            "foo_x",
            "max_xavier",
            "a_xff",
            "_xF",
            "_x-20",
        ] {
            assert_eq!(escaped(id, 100), id);
            assert_eq!(original(id).as_deref(), Some(id));
        }
    }

    #[test]
    fn what_a_name_may_not_have_is_escaped() {
        for (id, name) in [
            ("ann smith", "ann_x20smith"),
            ("ann/smith", "ann_x2Fsmith"),
            ("ann_x20smith", "ann_x5Fx20smith"),
            ("__x20", "__x5Fx20"),
            ("_x_x20", "_x_x5Fx20"),
            ("甲", "_xE7_x94_xB2"),
            ("\u{e9}", "_xC3_xA9"),
            ("e\u{301}", "e_xCC_x81"),
            ("_xFF", "_x5FxFF"),
            ("\0%", "_x00_x25"),
        ] {
            assert_eq!(escaped(id, 100), name);
            assert_eq!(original(name).as_deref(), Some(id));
        }
    }

    #[test]
    fn a_long_id_is_cut_and_told_apart_by_its_hash() {
        let name = escaped(&"x".repeat(101), 100);
        assert_eq!(name.len(), 100);
        assert!(
            name.starts_with(&format!("{}{CUT}", "x".repeat(53))),
            "{name}"
        );
        assert_eq!(original(&name), None);
        // The name itself is an id as well, and then it is another one.
        assert_ne!(escaped(&name, 200), name);
        assert_eq!(escaped(&"x".repeat(100), 100), "x".repeat(100));
        // Escapes are not cut in the middle.
        let name = escaped(&"甲".repeat(99), 100);
        let (beginning, hash) = name.split_once(CUT).unwrap();
        assert_eq!((beginning.len() % 4, hash.len()), (0, HASH));
    }
}
