//! Decides what happens with a batch after an invocation. Pure: no clock, no task, no function.

use std::time::Duration;

use rand::Rng;

use super::event::Prepared;
use super::verdict::Verdict;
use crate::template::Mapping;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Records that the function is invoked with together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub records: Vec<Prepared>,
    /// How often it failed in a row. A failure that halves it does not count.
    pub failures: u32,
}

/// What happens with the records of a batch.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decision {
    /// Records that are finished.
    pub finished: Vec<Prepared>,
    /// Records that are given up on.
    pub given_up: Option<GivenUp>,
    /// What is tried again, in this order.
    pub retries: Vec<Batch>,
}

/// Records that are given up on, and why.
#[derive(Debug, PartialEq)]
pub(super) struct GivenUp {
    pub records: Vec<Prepared>,
    pub condition: Condition,
    pub invocations: u32,
}

/// Why records are given up on, in Lambda's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// Decides what happens with a batch, by what the invocation says about it.
pub(super) fn decide(
    batch: Batch,
    verdict: &Verdict,
    mapping: &Mapping,
    now_seconds: f64,
) -> Decision {
    let Batch {
        mut records,
        failures,
    } = batch;
    let failed_from = match verdict {
        Verdict::Finished => {
            return Decision {
                finished: records,
                ..Decision::default()
            };
        }
        Verdict::FailedFrom(index) => *index,
        Verdict::Failed => 0,
    };
    let mut rest = records.split_off(failed_from);
    let mut decision = Decision {
        finished: records,
        ..Decision::default()
    };
    let has_progress = failed_from > 0;
    let is_split = mapping.bisects_on_error && (has_progress || rest.len() > 1);
    let failures = match (has_progress, is_split) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => failures,
        (false, false) => failures + 1,
    };
    if let Some(age) = mapping.maximum_age_seconds {
        let young = rest
            .iter()
            .position(|record| now_seconds - record.arrival <= f64::from(age));
        let young = rest.split_off(young.unwrap_or(rest.len()));
        let old = std::mem::replace(&mut rest, young);
        if !old.is_empty() {
            let condition = Condition::RecordAgeExceeded;
            decision.given_up = Some(GivenUp {
                records: old,
                condition,
                invocations: failures + 1,
            });
        }
    }
    if rest.is_empty() {
        return decision;
    }
    if !is_split && mapping.maximum_retries.is_some_and(|most| failures > most) {
        let mut records = decision
            .given_up
            .map(|given_up| given_up.records)
            .unwrap_or_default();
        records.append(&mut rest);
        let condition = Condition::RetryAttemptsExhausted;
        decision.given_up = Some(GivenUp {
            records,
            condition,
            invocations: failures,
        });
        return decision;
    }
    // A report of the first failed record cuts the batch. Without a report, halving finds that record.
    let second = if is_split && !has_progress && rest.len() > 1 {
        rest.split_off(rest.len() / 2)
    } else {
        Vec::new()
    };
    decision.retries = [rest, second]
        .into_iter()
        .filter(|records| !records.is_empty())
        .map(|records| Batch { records, failures })
        .collect();
    decision
}

/// How long to wait before a batch is tried again. It doubles with each failure, with jitter.
pub(super) fn pause(failures: u32) -> Duration {
    let longest =
        (FIRST_PAUSE * 2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(LONGEST_PAUSE);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests;
