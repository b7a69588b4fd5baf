//! Panics of domain code: they become refusals, and stall one stream.
//!
//! The words of a panic are kept where they are a literal. Words that are put
//! together at run time mostly quote what did not fit, such as those of
//! `unwrap`; they would go to rows, reports and logs, where a payload has no
//! business. The place in the code says as much.

use crate::Rejection;
use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

static HOOK: Once = Once::new();

thread_local! {
    /// Whether domain code runs here.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where it panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs domain code; a panic becomes a refusal.
pub(crate) fn guarded<T>(domain: impl FnOnce() -> Result<T, Rejection>) -> Result<T, Rejection> {
    catching(domain).unwrap_or_else(Err)
}

/// Runs domain code, and makes words of its panic.
pub(crate) fn catching<T>(domain: impl FnOnce() -> T) -> Result<T, Rejection> {
    HOOK.call_once(listen);
    let was_guarded = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(domain));
    IS_GUARDED.set(was_guarded);
    done.map_err(|panic| {
        let place = PLACE.take().map(|place| format!(" at {place}"));
        let place = place.unwrap_or_default();
        Rejection::new(match panic.downcast_ref::<&'static str>() {
            Some(words) => format!("panicked: {words}"),
            None => format!("panicked{place}"),
        })
    })
}

/// Takes note of where guarded code panics. What a release build would write
/// to its log, it leaves out: it is in the refusal, without values.
fn listen() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IS_GUARDED.get() {
            PLACE.set(info.location().map(ToString::to_string));
        }
        if !IS_GUARDED.get() || cfg!(debug_assertions) {
            before(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_where_it_was_and_quotes_no_value() {
        let line = line!() + 1;
        let unwrapped = || serde_json::from_str::<u64>("\"secret\"").unwrap();
        let refused = catching(unwrapped).unwrap_err();
        let place = format!("panicked at {}:{line}:", file!());
        assert!(refused.reason.starts_with(&place), "{refused}");
        assert!(!refused.reason.contains("secret"), "{refused}");
    }

    #[test]
    fn the_words_of_a_literal_are_kept() {
        let refused = catching(|| panic!("no more room")).unwrap_err();
        assert_eq!(refused.reason, "panicked: no more room");
    }
}
