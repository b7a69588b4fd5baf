//! A dead letter: the record of an invocation that Lambda sends to an S3
//! destination, with the whole event as `payload` (AWS documentation).

use crate::end::Outcome;
use crate::out::say;
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind_aws::aws::producer::Outgoing;
use serde::Deserialize;
use serde_json::{Value, json};

/// The most records that are shown to people.
const MOST: usize = 20;

/// The most characters of a record that are shown to people.
const MOST_TEXT: usize = 200;

/// A batch that a trigger has given up on.
#[derive(Debug)]
pub struct Letter {
    /// The name of the stream that its records came from.
    pub stream: String,
    /// The records, in their order.
    pub records: Vec<Outgoing>,
    about: About,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    request_context: Context,
    #[serde(rename = "KinesisBatchInfo")]
    batch: Batch,
    #[serde(default)]
    timestamp: String,
    payload: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    function_arn: String,
    #[serde(default)]
    condition: String,
    #[serde(default)]
    approximate_invoke_count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    stream_arn: String,
    #[serde(default)]
    shard_id: String,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    kinesis: Kinesis,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kinesis {
    partition_key: String,
    data: String,
}

impl Letter {
    /// Reads a letter.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let strange = |error: &dyn std::fmt::Display| {
            format!("expected the record of an invocation, as Lambda writes it: {error}")
        };
        let mut about: About = serde_json::from_slice(bytes).map_err(|error| strange(&error))?;
        // Lambda writes the event as a text, the local system as an object.
        let payload: Payload = match about.payload.take() {
            Value::String(text) => serde_json::from_str(&text),
            payload => serde_json::from_value(payload),
        }
        .map_err(|error| strange(&error))?;
        let records = payload.records.into_iter().map(|record| {
            let Kinesis {
                partition_key,
                data,
            } = record.kinesis;
            let data = STANDARD.decode(data).map_err(|error| strange(&error))?;
            let key = partition_key;
            Ok(Outgoing { key, data })
        });
        let arn = &about.batch.stream_arn;
        Ok(Self {
            stream: arn.rsplit('/').next().unwrap_or(arn).to_string(),
            records: records.collect::<Result<_, String>>()?,
            about,
        })
    }

    /// The function that the records were for.
    fn function(&self) -> &str {
        let arn = &self.about.request_context.function_arn;
        arn.split(":function:").nth(1).unwrap_or(arn)
    }

    /// Prints it.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub fn show(&self, object: &str, as_json: bool) -> Outcome {
        let About {
            request_context: context,
            batch,
            timestamp,
            ..
        } = &self.about;
        let (function, tries) = (self.function(), context.approximate_invoke_count);
        if as_json {
            let records = self.records.iter();
            let records = records
                .map(|record| json!({"key": record.key, "data": STANDARD.encode(&record.data)}));
            let letter = json!({
                "object": object, "function": function, "time": timestamp,
                "reason": context.condition, "tries": tries,
                "stream": self.stream, "shard": batch.shard_id,
                "records": records.collect::<Vec<_>>(),
            });
            return say!("{letter}");
        }
        say!("{object}")?;
        say!("  given up by  {function}, {timestamp}")?;
        say!("  because of   {} after {tries} tries", context.condition)?;
        say!("  stream       {}, {}", self.stream, batch.shard_id)?;
        say!("  records      {}", self.records.len())?;
        for record in self.records.iter().take(MOST) {
            let text = String::from_utf8_lossy(&record.data);
            let clean = |c: char| if c.is_control() { ' ' } else { c };
            let start: String = text.chars().take(MOST_TEXT).map(clean).collect();
            let rest = if text.chars().nth(MOST_TEXT).is_some() {
                "…"
            } else {
                ""
            };
            say!(
                "    {}  {} bytes  {start}{rest}",
                record.key,
                record.data.len()
            )?;
        }
        match self.records.len() > MOST {
            true => say!("    … and {}: --json has all", self.records.len() - MOST),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(payload: &Value) -> Value {
        json!({
            "requestContext": {"functionArn": "arn:aws:lambda:r:1:function:rewind-pump", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 101},
            "KinesisBatchInfo": {"shardId": "shardId-0", "streamArn": "arn:aws:kinesis:r:1:stream/incoming"},
            "timestamp": "2023-04-19T09:00:00Z",
            "payload": payload,
        })
    }

    #[test]
    fn the_event_is_read_as_an_object_and_as_a_text() {
        let event = json!({"Records": [{"kinesis": {"partitionKey": "a-1", "data": "YWJj"}}]});
        for payload in [event.clone(), event.to_string().into()] {
            let text = letter(&payload).to_string();
            let letter = Letter::read(text.as_bytes()).unwrap();
            assert_eq!(
                (letter.stream.as_str(), letter.function()),
                ("incoming", "rewind-pump")
            );
            let expected = Outgoing {
                key: "a-1".into(),
                data: b"abc".to_vec(),
            };
            assert_eq!(letter.records, [expected]);
        }
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        let not_base64 = json!({"Records": [{"kinesis": {"partitionKey": "a", "data": "%"}}]});
        for text in [
            "",
            "{}",
            "[1]",
            &letter(&json!(5)).to_string(),
            &letter(&json!("no")).to_string(),
            &letter(&not_base64).to_string(),
        ] {
            assert!(Letter::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
