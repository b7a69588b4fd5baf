//! A block of lines that is shown again and again: in place on a terminal, one
//! behind the other elsewhere.

use crate::{
    end::Outcome,
    out::{self, say},
};
use console::{Term, truncate_str};
use std::fmt::Write;

/// Where blocks are shown.
pub struct Screen {
    /// The terminal, if it is one.
    term: Option<Term>,
    /// Whether blocks are separated by a blank line.
    are_separated: bool,
    is_first: bool,
}

/// The cursor to the top left, and the end of a screen that is erased.
const HOME: &str = "\x1b[H";
const ERASE_LINE: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";

impl Screen {
    /// Standard output. JSON is never drawn in place.
    pub fn new(as_json: bool) -> Self {
        let term = Term::stdout();
        Self {
            term: (term.is_term() && !as_json).then_some(term),
            are_separated: !as_json,
            is_first: true,
        }
    }

    /// Shows a block. On a terminal it takes the place of the one before, as far
    /// as the terminal has lines and columns.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub fn show(&mut self, block: &str) -> Outcome {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let Some(term) = &self.term else {
            if self.are_separated && !is_first {
                say!()?;
            }
            return say!("{}", block.trim_end());
        };
        let (height, width) = term.size();
        let (height, width) = (usize::from(height.max(2)), usize::from(width.max(20)));
        let mut drawn = String::from(match is_first {
            true => "\x1b[2J\x1b[H",
            false => HOME,
        });
        let lines: Vec<&str> = block.trim_end().lines().collect();
        let shown = lines.len().min(height - 1);
        for (nth, line) in lines.iter().take(shown).enumerate() {
            let line = match nth + 1 == shown && shown < lines.len() {
                true => format!("… {} more lines", lines.len() - shown + 1),
                false => truncate_str(line, width, "…").into_owned(),
            };
            // A text in memory takes everything.
            let _ = writeln!(drawn, "{line}{ERASE_LINE}");
        }
        drawn.push_str(ERASE_BELOW);
        out::part(format_args!("{drawn}"))
    }
}
