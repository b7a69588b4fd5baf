//! `GET /incidents`: what was wrong, since when, and until when.

use crate::{
    cursor,
    sources::{Sources, Unanswered},
};
use rewind_aws::{
    aws::http::{self, Parameters, Response},
    data_table::incident::{self, Incident},
    playback::create::check_id,
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IncidentList")]
pub(crate) struct Incidents {
    incidents: Vec<Noted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IncidentNoted")]
struct Noted {
    id: String,
    #[serde(flatten)]
    incident: Incident,
}

impl Sources {
    /// The latest first: ids begin with the time.
    pub(crate) async fn incidents(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let limit = parameters.number("limit", 1..=200)?.unwrap_or(50);
        let question = ["incidents"];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        if let Some(after) = &after {
            check_id(after).map_err(|_| cursor::unfit())?;
        }
        let page = incident::list(&self.store, after.as_deref(), limit as i32);
        let (incidents, next) = page.await?;
        let incidents = incidents.into_iter();
        let incidents = incidents.map(|(id, incident)| Noted { id, incident });
        let answer = Incidents {
            incidents: incidents.collect(),
            next: next.map(|next| cursor::encode(&question, &next)),
        };
        Ok(http::json(200, &answer))
    }
}
