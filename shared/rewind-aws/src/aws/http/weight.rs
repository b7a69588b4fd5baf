//! How much of an answer Lambda returns.

/// The most that the body of an answer may weigh. Lambda returns 6,291,456
/// bytes of JSON, in which the body is one text, beside a status and headers.
pub const MAX_WEIGHT: usize = 6 * 1024 * 1024 - 4096;

/// How many bytes a text takes as a JSON text within an answer of Lambda's: a
/// quote in it is escaped once more.
pub fn weight(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    escaped.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_weighs_what_it_takes_as_json() {
        let all: String = (0..=0x7f_u8).map(char::from).collect();
        for text in [&*all, "", "ä 日本 \u{1f600}", "{\"a\":\"\\\"\"}"] {
            let quoted = serde_json::to_string(text).unwrap();
            assert_eq!(weight(text) + 2, quoted.len(), "{text:?}");
        }
    }
}
