//! `GET /dead-letters`: the batches that triggers have given up on and that nobody
//! has handled.

use crate::{
    cursor,
    sources::{Sources, Unanswered},
};
use rewind_aws::{
    aws::http::{self, Parameters, Response},
    data_table::dead_letter::{self, DeadLetter},
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetterList")]
pub(crate) struct DeadLetters {
    dead_letters: Vec<DeadLetter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Sources {
    /// By their keys.
    pub(crate) async fn dead_letters(
        &self,
        parameters: &Parameters,
    ) -> Result<Response, Unanswered> {
        let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100);
        let question = ["dead-letters"];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        if after
            .as_deref()
            .is_some_and(|key| !dead_letter::is_key(key))
        {
            return Err(cursor::unfit().into());
        }
        let page = dead_letter::list(&self.store, after.as_deref(), limit as i32);
        let (dead_letters, next) = page.await?;
        let answer = DeadLetters {
            dead_letters,
            next: next.map(|next| cursor::encode(&question, &next)),
        };
        Ok(http::json(200, &answer))
    }
}
