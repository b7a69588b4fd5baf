//! `GET /playbacks`, `/playbacks/{id}` and `/operations`: how far playbacks are,
//! what operators have done, and what was deployed.

use crate::{
    cursor,
    sources::{Sources, Unanswered},
};
use rewind::Problem;
use rewind_aws::{
    aws::http::{self, Parameters, Response},
    playback::{
        create::check_id,
        operations::{self, Operation},
        record::{self, Playback},
        shown::Shown,
    },
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PlaybackList")]
pub(crate) struct Playbacks<'a> {
    playbacks: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OperationList")]
pub(crate) struct Operations {
    operations: Vec<Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OperationDone")]
struct Done {
    id: String,
    #[serde(flatten)]
    operation: Operation,
}

impl Sources {
    pub(crate) async fn playback(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let id = parameters.path("id");
        check_id(id)?;
        match record::load(&self.store, id).await? {
            Some(playback) => Ok(http::json(200, &playback.shown())),
            None => Err(Problem::not_found(format!("there is no playback {id}")).into()),
        }
    }

    /// The latest first: ids begin with the time, unless the client has given one.
    pub(crate) async fn playbacks(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let limit = parameters.number("limit", 1..=100)?.unwrap_or(20);
        let question = ["playbacks"];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        if let Some(after) = &after {
            check_id(after).map_err(|_| cursor::unfit())?;
        }
        let page = record::latest(&self.store, after.as_deref(), limit as i32);
        let (playbacks, next) = page.await?;
        let answer = Playbacks {
            playbacks: playbacks.iter().map(Playback::shown).collect(),
            next: next.map(|next| cursor::encode(&question, &next)),
        };
        Ok(http::json(200, &answer))
    }

    pub(crate) async fn operations(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let limit = parameters.number("limit", 1..=200)?.unwrap_or(50);
        let question = ["operations"];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        if let Some(after) = &after {
            check_id(after).map_err(|_| cursor::unfit())?;
        }
        let page = operations::list(&self.store, after.as_deref(), limit as i32);
        let (operations, next) = page.await?;
        let operations = operations.into_iter();
        let operations = operations.map(|(id, operation)| Done { id, operation });
        let answer = Operations {
            operations: operations.collect(),
            next: next.map(|next| cursor::encode(&question, &next)),
        };
        Ok(http::json(200, &answer))
    }
}
