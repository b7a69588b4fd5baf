//! Cursors: where an answer ended, as a word that goes into a URL.
//!
//! A cursor fits only what it was made for: it begins with a mark of its
//! version, of the question and of the place. That finds a cursor that was cut,
//! changed, or sent with another question. The mark is no secret: whoever
//! decodes a place checks it before DynamoDB sees it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rewind::Problem;
use rewind_aws::aws::http::{Parameters, bad_parameter};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// The shape of places. To be raised when one changes.
const VERSION: u8 = 1;

/// The bytes of a mark.
const MARK: usize = 8;

/// The place where an answer ended, as `next`. `question` is what the place
/// belongs to: the route, the projection, the prefix.
pub(crate) fn encode(question: &[&str], place: &impl Serialize) -> String {
    // A place always has a JSON text.
    let place = serde_json::to_vec(place).unwrap_or_default();
    let mut cursor = mark(question, &place).to_vec();
    cursor.extend(place);
    URL_SAFE_NO_PAD.encode(cursor)
}

/// The place that the parameter `cursor` says, where there is one: `next` of an
/// answer to the same question.
///
/// # Errors
///
/// A problem when it is anything else.
pub(crate) fn decode<T: DeserializeOwned>(
    parameters: &Parameters,
    question: &[&str],
) -> Result<Option<T>, Problem> {
    let Some(text) = parameters.text("cursor") else {
        return Ok(None);
    };
    read(text, question).map(Some).ok_or_else(unfit)
}

/// The place that a text says; `None` where it is no `next` of an answer to this
/// question.
pub(crate) fn read<T: DeserializeOwned>(text: &str, question: &[&str]) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (marked, place) = bytes.split_at_checked(MARK)?;
    let is_marked = marked == mark(question, place);
    serde_json::from_slice(place).ok().filter(|_| is_marked)
}

/// The problem of a cursor that is not of this question.
pub(crate) fn unfit() -> Problem {
    let why = "expected `next` of the answer before, with the same path and parameters";
    bad_parameter("cursor", why)
}

fn mark(question: &[&str], place: &[u8]) -> [u8; MARK] {
    let mut hash = Sha256::new();
    hash.update([VERSION]);
    for part in question.iter().map(|part| part.as_bytes()).chain([place]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    std::array::from_fn(|nth| hash[nth])
}
