//! IAM's patterns: `*` for any characters, `?` for one.

/// Whether a text fits a pattern.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    // The index of the last star, and of the text behind what it matches so far: where to go back to.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether an action fits a pattern. Case does not matter.
pub(super) fn action_fits(pattern: &str, action: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_take_any_number_of_characters() {
        assert!(fits("*", ""));
        assert!(fits(
            "arn:*:table/a*/index/*",
            "arn:aws:x:table/abc/index/by-position"
        ));
        assert!(fits("a*b*c", "a-b-b-c"));
        assert!(!fits("a*b", "a-c"));
        assert!(!fits("arn:table/a", "arn:table/a/index/b"));
    }

    #[test]
    fn question_marks_take_one() {
        assert!(fits("a?c", "abc"));
        assert!(!fits("a?c", "ac"));
    }

    #[test]
    fn the_case_of_an_action_does_not_matter() {
        assert!(action_fits("dynamodb:get*", "dynamodb:GetItem"));
    }
}
