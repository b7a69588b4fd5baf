//! What a comparison of gateways has found, and the operator's word for it.

use crate::{
    deployment::Deployment,
    end::{End, Outcome},
    follow::follow,
    out::say,
};
use ::playback::Task;
use rewind::Request;
use rewind_aws::playback::{
    difference::finding::{self, Finding, Found, Kind},
    operations::What,
    record::{Approval, Playback},
};
use serde_json::json;

/// Findings that are read in one go.
const PAGE: i32 = 100;

/// Prints each finding, and what all of them come to.
///
/// # Errors
///
/// When they cannot be read, or standard output cannot be written.
pub async fn list(deployment: &Deployment, playback: &Playback, as_json: bool) -> Outcome {
    let mut after: Option<String> = None;
    loop {
        let page = finding::page(&deployment.store, &playback.id, after.as_deref(), PAGE);
        let (findings, next) = page.await?;
        for found in &findings {
            match as_json {
                true => say!("{}", json!(found))?,
                false => say!("{}", words(found))?,
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    match as_json {
        true => Ok(()),
        false => say!("{}", summary(playback)),
    }
}

/// Approves what was found, and waits until it is recorded.
///
/// # Errors
///
/// When the playback is not there any more, or a service fails.
pub async fn carry_out(
    deployment: &Deployment,
    playback: &Playback,
    approval: &Approval,
) -> Result<Playback, End> {
    let id = &playback.id;
    deployment.player().approve(id, approval).await?;
    deployment.note(What::Approved, id).await;
    deployment
        .invoke_playback(&Task::Resume(id.clone()))
        .await?;
    follow(deployment, id).await
}

/// How many requests go out if the list is approved.
pub fn requests(playback: &Playback) -> u64 {
    playback.found.map_or(0, |found| found.requests)
}

/// Whether anything can be recorded that the list holds.
pub fn is_empty(playback: &Playback, records: bool) -> bool {
    let Found {
        requests, emits, ..
    } = playback.found.unwrap_or_default();
    requests == 0 && !(records && emits > 0)
}

fn summary(playback: &Playback) -> String {
    let Found {
        correct,
        undo,
        new,
        open,
        emits,
        gone,
        refused,
        requests,
    } = playback.found.unwrap_or_default();
    format!(
        "{requests} to send: {correct} corrected, {undo} taken back, {new} new; {open} open; {emits} emitted otherwise, {gone} not any more; {refused} refused"
    )
}

/// A finding in words.
pub fn words(found: &Finding) -> String {
    let Finding {
        origin,
        cause,
        gateway,
        about,
        ..
    } = found;
    let what = match found.kind {
        Kind::Correct => "correct",
        Kind::Undo => "undo",
        Kind::New => "new",
        Kind::Open => "open",
        Kind::Emits => "emits",
        Kind::Gone => "gone",
        Kind::Refused => "refused",
    };
    let gateway = gateway.as_ref();
    let gateway = gateway.map_or(String::new(), |gateway| format!(" {gateway}"));
    let about = about.as_ref();
    let about = about.map_or(String::new(), |about| format!(": {about}"));
    let mut words = format!("{what}{gateway}, {origin} for {cause}{about}");
    for (label, request) in [("was", &found.was), ("now", &found.now)] {
        if let Some(request) = request {
            words.push_str(&format!("\n  {label}   {}", short(request)));
        }
    }
    for request in &found.sends {
        words.push_str(&format!("\n  sends {}", short(request)));
    }
    words
}

/// A request in one line.
pub fn short(request: &Request) -> String {
    let target = request.target();
    match request {
        Request::Http(http) if http.body.is_null() => target,
        Request::Http(http) => format!("{target} {}", http.body),
        Request::Mail(mail) => format!("mail to {target}: {}", mail.subject),
    }
}
