//! What becomes of one file in an upgrade, by three texts of it: what Rewind wrote
//! last, what is there, and what Rewind would write today.

use diffy::DiffOptions;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It stays as it is.
    Same,
    /// It is new.
    Added,
    /// It was as Rewind wrote it, and is as Rewind writes it today.
    Replaced,
    /// The team's changes and Rewind's are both in it.
    Merged,
    /// Both have changed the same lines. Both stand in it, between marks.
    Conflict,
    /// A file of the team has the name of a new one, and stays.
    InTheWay,
    /// It was as Rewind wrote it, and Rewind does not write it any more.
    Removed,
    /// The team has changed it, and Rewind does not write it any more. It stays.
    LeftToYou,
    /// The team has removed it. It stays away.
    StaysAway,
}

impl What {
    /// For machines, and the first word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Merged => "merged",
            Self::Conflict => "conflict",
            Self::InTheWay => "in-the-way",
            Self::Removed => "removed",
            Self::LeftToYou => "left-to-you",
            Self::StaysAway => "stays-away",
        }
    }

    /// Why, for people.
    pub fn why(self) -> &'static str {
        match self {
            Self::Same | Self::Replaced | Self::Added => "",
            Self::Merged => ": your changes are kept",
            Self::Conflict => ": you and Rewind have changed the same lines; look for <<<<<<<",
            Self::InTheWay => ": yours stays; compare it with the one in .rewind-template",
            Self::Removed => ": Rewind does not need it any more",
            Self::LeftToYou => ": Rewind does not need it any more, and you have changed it",
            Self::StaysAway => ": you have removed it",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_left_to_do(self) -> bool {
        matches!(self, Self::Conflict | Self::InTheWay)
    }
}

/// What becomes of a file, and its text from now on: `None` for no file.
pub fn merged(
    written: Option<&str>,
    there: Option<&str>,
    newer: Option<&str>,
) -> (What, Option<String>) {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    if written == newer || there == newer {
        return (What::Same, owned(there));
    }
    let what = match (written, there, newer) {
        (_, _, None) if there == written => What::Removed,
        (_, _, None) => What::LeftToYou,
        (None, None, _) => What::Added,
        (Some(_), None, _) => What::StaysAway,
        (None, Some(_), _) => What::InTheWay,
        (Some(written), Some(there), Some(newer)) => {
            if there == written {
                return (What::Replaced, Some(newer.to_owned()));
            }
            return match diffy::merge(written, there, newer) {
                Ok(text) => (What::Merged, Some(text)),
                Err(marked) => (What::Conflict, Some(marked)),
            };
        }
    };
    match what {
        What::Added => (what, owned(newer)),
        What::Removed => (what, None),
        _ => (what, owned(there)),
    }
}

/// Whether a text has the marks of a conflict.
pub fn is_marked(text: &str) -> bool {
    let begins = |mark: &str| text.lines().any(|line| line.starts_with(mark));
    begins("<<<<<<< ") && begins(">>>>>>> ")
}

/// The difference between two texts of a file, as `diff -u` and git show it.
pub fn difference(path: &str, before: &str, after: &str) -> String {
    let mut options = DiffOptions::new();
    options.set_original_filename(format!("a/{path}"));
    options.set_modified_filename(format!("b/{path}"));
    options.create_patch(before, after).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "a\nb\nc\nd\ne\n";
    const NEWER: &str = "a\nb\nc\nd\nE\n";

    fn of(there: Option<&str>) -> (What, Option<String>) {
        merged(Some(WRITTEN), there, Some(NEWER))
    }

    #[test]
    fn an_unchanged_file_is_replaced_and_a_changed_one_merged() {
        assert_eq!(of(Some(WRITTEN)), (What::Replaced, Some(NEWER.into())));
        assert_eq!(of(Some(NEWER)), (What::Same, Some(NEWER.into())));
        assert_eq!(
            of(Some("A\nb\nc\nd\ne\n")),
            (What::Merged, Some("A\nb\nc\nd\nE\n".into()))
        );
        // Rewind has not changed it: whatever the team did stands.
        assert_eq!(
            merged(Some(WRITTEN), Some("x"), Some(WRITTEN)),
            (What::Same, Some("x".into()))
        );
    }

    #[test]
    fn where_both_have_changed_a_line_both_stand() {
        let (what, text) = of(Some("a\nb\nc\nd\nmine\n"));
        assert_eq!(what, What::Conflict);
        let text = text.unwrap();
        assert!(is_marked(&text) && !is_marked(NEWER), "{text}");
        for line in ["mine", "E", "e"] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn a_file_that_only_one_side_has_is_never_overwritten() {
        assert_eq!(
            merged(None, None, Some("n")),
            (What::Added, Some("n".into()))
        );
        assert_eq!(
            merged(None, Some("t"), Some("n")),
            (What::InTheWay, Some("t".into()))
        );
        assert_eq!(of(None), (What::StaysAway, None));
        assert_eq!(merged(Some("w"), Some("w"), None), (What::Removed, None));
        assert_eq!(
            merged(Some("w"), Some("t"), None),
            (What::LeftToYou, Some("t".into()))
        );
        assert_eq!(merged(Some("w"), None, None), (What::Same, None));
    }

    #[test]
    fn a_difference_is_unified() {
        let shown = difference("f", WRITTEN, NEWER);
        assert!(
            shown.starts_with("--- a/f\n+++ b/f\n@@ -2,4 +2,4 @@\n"),
            "{shown}"
        );
        assert!(shown.ends_with(" d\n-e\n+E\n"), "{shown}");
    }
}
