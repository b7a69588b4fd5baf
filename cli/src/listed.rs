//! Lists of the HTTP API, page by page.

use crate::{
    deployment::{self, Deployment, Question},
    end::{End, Outcome},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of any list.
#[derive(Deserialize)]
struct Page {
    #[serde(alias = "playbacks", alias = "rows", alias = "streams")]
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// What came of a list.
pub struct Listed {
    /// Whether there was nothing.
    pub is_empty: bool,
    /// Whether there is more than was asked for.
    pub has_more: bool,
}

/// Shows the items of the list that a question asks for, at most so many. `page`
/// is the most of one answer.
///
/// # Errors
///
/// The problem of an answer, and what `show` says.
pub async fn each(
    deployment: &Deployment,
    question: &Question,
    most: u64,
    page: u64,
    mut show: impl FnMut(&RawValue) -> Outcome,
) -> Result<Listed, End> {
    let (mut left, mut is_empty) = (most, true);
    let mut cursor: Option<String> = None;
    loop {
        let limit = left.min(page).to_string();
        let mut question = question.clone().parameter("limit", &limit);
        if let Some(cursor) = &cursor {
            question = question.parameter("cursor", cursor);
        }
        let read: Page = deployment::read(&deployment.ask(&question).await?)?;
        for item in &read.items {
            show(item)?;
        }
        is_empty &= read.items.is_empty();
        left = left.saturating_sub(read.items.len() as u64);
        cursor = read.next;
        if cursor.is_none() || left == 0 {
            let has_more = cursor.is_some();
            return Ok(Listed { is_empty, has_more });
        }
    }
}
