//! Reads what a function's answer says about its batch.

use serde::Deserialize;

use super::event::Prepared;
use crate::runtime::Outcome;

/// What an invocation says about its batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All records are finished.
    Finished,
    /// The records before this index are finished. Those from it on are tried again.
    FailedFrom(usize),
    /// The function failed, or its answer is not a valid report. The whole batch is tried again.
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    batch_item_failures: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    item_identifier: Option<String>,
}

/// Reads an invocation's outcome.
///
/// An empty list, `null`, no list and an empty answer are a success. An empty or unknown identifier fails the whole
/// batch. Of several identifiers, the lowest counts. Source: "Reporting batch item failures for Kinesis" in the Lambda
/// developer guide.
pub(super) fn of(outcome: &Outcome, records: &[Prepared], reports_item_failures: bool) -> Verdict {
    let answer = match outcome {
        Outcome::Success(answer) => answer,
        Outcome::Failure(_) => return Verdict::Failed,
    };
    if !reports_item_failures || answer.is_empty() {
        return Verdict::Finished;
    }
    let items = match serde_json::from_slice::<Option<Report>>(answer) {
        Ok(report) => report
            .and_then(|report| report.batch_item_failures)
            .unwrap_or_default(),
        // An answer that is not an object, such as a string, reports nothing. A report of another shape is a failure.
        Err(_)
            if serde_json::from_slice::<serde_json::Value>(answer)
                .is_ok_and(|answer| !answer.is_object()) =>
        {
            return Verdict::Finished;
        }
        Err(_) => return Verdict::Failed,
    };
    let indexes = items.iter().map(|item| {
        let identifier = item
            .item_identifier
            .as_deref()
            .filter(|identifier| !identifier.is_empty())?;
        records
            .iter()
            .position(|record| record.sequence == identifier)
    });
    match indexes.collect::<Option<Vec<usize>>>() {
        None => Verdict::Failed,
        Some(indexes) => indexes
            .into_iter()
            .min()
            .map_or(Verdict::Finished, Verdict::FailedFrom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Failure;

    fn verdict(answer: &str) -> Verdict {
        let record = |sequence: &str| Prepared {
            sequence: sequence.to_owned(),
            arrival: 0.0,
            json: String::new(),
        };
        let records = [record("11"), record("12"), record("13")];
        of(&Outcome::Success(answer.to_owned().into()), &records, true)
    }

    #[test]
    fn no_report_is_a_success() {
        for answer in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            "\"done\"",
        ] {
            assert_eq!(verdict(answer), Verdict::Finished, "{answer}");
        }
    }

    #[test]
    fn the_lowest_reported_record_counts() {
        let answer = r#"{"batchItemFailures":[{"itemIdentifier":"13"},{"itemIdentifier":"12"}]}"#;
        assert_eq!(verdict(answer), Verdict::FailedFrom(1));
    }

    #[test]
    fn a_report_that_cannot_be_relied_on_fails_the_whole_batch() {
        for answer in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemidentifier":"12"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"12"},{"itemIdentifier":"99"}]}"#,
            r#"{"batchItemFailures":["12"]}"#,
        ] {
            assert_eq!(verdict(answer), Verdict::Failed, "{answer}");
        }
    }

    #[test]
    fn a_function_error_fails_the_whole_batch() {
        assert_eq!(
            of(&Outcome::Failure(Failure::new("a", "b")), &[], true),
            Verdict::Failed
        );
    }

    #[test]
    fn without_the_setting_a_report_is_an_answer_like_any_other() {
        let answer = Outcome::Success(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#.into());
        assert_eq!(of(&answer, &[], false), Verdict::Finished);
    }
}
