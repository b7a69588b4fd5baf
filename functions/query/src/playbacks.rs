//! `GET /playbacks/{id}`: how far a playback is.

use crate::sources::{Sources, Unanswered};
use rewind::Problem;
use rewind_aws::{
    aws::http::{self, Parameters, Response},
    playback::{create::check_id, record},
};

impl Sources {
    pub(crate) async fn playback(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let id = parameters.path("id");
        check_id(id)?;
        match record::load(&self.store, id).await? {
            Some(playback) => Ok(http::json(200, &playback.shown())),
            None => Err(Problem::not_found(format!("there is no playback {id}")).into()),
        }
    }
}
