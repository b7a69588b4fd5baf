//! The story of a developer portal: commands, rejections, deadlines, a rebuild.

use super::{expect, rebuild, wait::wait_for};
use crate::{
    client::Client,
    end::{End, Outcome},
    out::say,
};
use local::System;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const JSON: &str = "application/json";

/// Where a deadline that is due is fired by hand.
const INVOCATIONS: &str = "/2015-03-31/functions/rewind-microservice/invocations";

/// The file of a clock that is turned by hand. It is deleted at the end.
pub struct Clock(PathBuf);

impl Clock {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// When there is no place for its file.
    pub fn new() -> Result<Self, End> {
        let name = format!("rewind-demo-{}", std::process::id());
        let clock = Self(std::env::temp_dir().join(name));
        clock.set("2026-01-01T09:00:00Z")?;
        Ok(clock)
    }

    /// The file that holds its time.
    pub fn file(&self) -> &Path {
        &self.0
    }

    fn set(&self, time: &str) -> Outcome {
        let written = std::fs::write(&self.0, time);
        written.map_err(|error| End::Failed(format!("{}: {error}", self.0.display())))
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // Nobody needs it, and the system's folder for such files is cleaned.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Tells it.
pub async fn tell(clock: &Clock, system: &System) -> Outcome {
    let portal = Portal {
        clock,
        client: Client::new(system.url()),
    };
    say!("The clock says 2026-01-01T09:00:00Z.")?;

    say!("\n1. Commands are decided at once")?;
    let create = json!({"owner": "ann", "name": "weather"});
    portal.decides("1", "create-application", &create).await?;
    let product = json!({"product": "tiles"});
    portal.decides("1", "add-api-product", &product).await?;
    let credential = json!({"credential": "key", "expires": "2026-01-20T00:00:00Z"});
    portal
        .decides("1", "generate-credential", &credential)
        .await?;
    let paid = json!({"owner": "ann", "name": "maps", "plan": "paid"});
    portal.decides("2", "create-application", &paid).await?;

    say!("\n2. What the rules do not allow is refused, with a name")?;
    portal
        .refuses("3", "create-application", &create, "name-taken")
        .await?;
    let again = "product-already-added";
    portal
        .refuses("1", "add-api-product", &product, again)
        .await?;

    say!("\n3. Deadlines fire once, and not early")?;
    system.idle().await;
    portal.turn("2026-01-19T23:59:59Z", Some(0)).await?;
    portal.turn("2026-01-20T00:00:00Z", None).await?;
    portal.types("application-1", &APPLICATION).await?;
    portal.turn("2026-01-31T09:00:00Z", None).await?;
    portal.types("campaign-1", &["campaign-started"]).await?;

    say!("\n4. The data store is deleted and rebuilt from the events")?;
    system.idle().await;
    rebuild::rebuild(system, &portal.client, &[json!({"microservice": {}})]).await?;

    say!("\n5. Nothing is begun twice, and what is still due is still due")?;
    portal.turn("2026-03-31T00:00:00Z", Some(0)).await?;
    portal.types("campaign-1", &["campaign-started"]).await?;
    portal.turn("2026-04-01T09:00:00Z", None).await?;
    portal.types("campaign-2", &["survey-started"]).await
}

/// What the first application has recorded once its credential has expired.
const APPLICATION: [&str; 4] = [
    "application-created",
    "api-product-added",
    "credential-generated",
    "credential-expired",
];

struct Portal<'a> {
    clock: &'a Clock,
    client: Client,
}

impl Portal<'_> {
    /// Sends a command: status and body.
    async fn send(&self, id: &str, kind: &str, data: &Value) -> Result<(u16, Value), End> {
        let path = format!("/commands/application/{id}");
        let command = json!({"type": kind, "data": data});
        say!("  POST {path} {command}")?;
        let answer = self.client.post(&path, JSON, command.to_string()).await?;
        Ok((answer.status, answer.body))
    }

    async fn decides(&self, id: &str, kind: &str, data: &Value) -> Outcome {
        let (status, body) = self.send(id, kind, data).await?;
        expect(&body.to_string(), &json!(status), &json!(200))?;
        for event in body["events"].as_array().into_iter().flatten() {
            let place = (&event["subject"], &event["version"]);
            let (stream, what) = (place.0.as_str(), event["type"].as_str());
            let (stream, what) = (stream.unwrap_or_default(), what.unwrap_or_default());
            say!("    200: {stream}@{} {what}", place.1)?;
        }
        Ok(())
    }

    async fn refuses(&self, id: &str, kind: &str, data: &Value, name: &str) -> Outcome {
        let (status, body) = self.send(id, kind, data).await?;
        expect(&body.to_string(), &json!(status), &json!(422))?;
        let rejection = &body["rejection"]["name"];
        expect("the rejection", rejection, &json!(name))?;
        say!(
            "    422: {name}: {}",
            body["detail"].as_str().unwrap_or_default()
        )
    }

    /// Turns the clock and fires what is due. Without a number, the system's own
    /// schedule may have come before.
    async fn turn(&self, time: &str, due: Option<u64>) -> Outcome {
        self.clock.set(time)?;
        say!("  the clock says {time}")?;
        let invoked = json!({"deadlines": {}});
        let answer = self
            .client
            .post_ok(INVOCATIONS, JSON, &invoked, 200)
            .await?;
        match due {
            Some(due) => {
                expect("deadlines that are due", &answer["fired"], &json!(due))?;
                say!("    nothing is due")
            }
            None => Ok(()),
        }
    }

    /// Waits until a stream holds events of these types, and no others.
    async fn types(&self, stream: &str, types: &[&str]) -> Outcome {
        let path = format!("/streams/{stream}");
        let is_there = |body: &Value| {
            let events = body["events"].as_array();
            events.is_some_and(|events| events.len() >= types.len())
        };
        let body = wait_for(&self.client, &path, is_there).await?;
        let events = body["events"].as_array().into_iter().flatten();
        let found: Vec<&Value> = events.map(|event| &event["type"]).collect();
        say!("    GET {path}: {}", types.join(", "))?;
        expect(stream, &json!(found), &json!(types))
    }
}
