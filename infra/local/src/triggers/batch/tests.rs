use super::*;
use crate::template::StartingPosition;

fn mapping(
    bisects_on_error: bool,
    maximum_retries: Option<u32>,
    maximum_age_seconds: Option<u32>,
) -> Mapping {
    Mapping {
        id: String::new(),
        function: String::new(),
        stream: String::new(),
        stream_arn: String::new(),
        is_enabled: true,
        batch_size: 100,
        window_seconds: 0,
        parallelization_factor: 1,
        starting_position: StartingPosition::TrimHorizon,
        bisects_on_error,
        maximum_retries,
        maximum_age_seconds,
        reports_item_failures: true,
        on_failure: None,
    }
}

fn batch(sequences: std::ops::Range<u32>, failures: u32) -> Batch {
    let record = |sequence: u32| Prepared {
        sequence: sequence.to_string(),
        arrival: f64::from(sequence),
        json: String::new(),
    };
    Batch {
        records: sequences.map(record).collect(),
        failures,
    }
}

fn next(batch: Batch, verdict: Verdict, mapping: Mapping) -> Decision {
    decide(batch, &verdict, &mapping, 100.0)
}

#[test]
fn a_success_finishes_all() {
    let next = next(batch(0..3, 2), Verdict::Finished, mapping(true, None, None));
    assert_eq!(
        next,
        Decision {
            finished: batch(0..3, 0).records,
            ..Decision::default()
        }
    );
}

#[test]
fn records_before_the_reported_one_are_finished_and_the_rest_is_tried_again() {
    let next = next(
        batch(0..4, 5),
        Verdict::FailedFrom(1),
        mapping(false, None, None),
    );
    assert_eq!(next.finished, batch(0..1, 0).records);
    assert_eq!(next.retries, [batch(1..4, 1)]);
}

#[test]
fn a_failed_batch_is_halved_when_the_mapping_says_so() {
    let halved = next(
        batch(0..5, 0),
        Verdict::Failed,
        mapping(true, Some(0), None),
    );
    assert_eq!(halved.retries, [batch(0..2, 0), batch(2..5, 0)]);
    let whole = next(batch(0..5, 0), Verdict::Failed, mapping(false, None, None));
    assert_eq!(whole.retries, [batch(0..5, 1)]);
}

#[test]
fn a_report_of_the_first_record_halves_too() {
    let next = next(
        batch(0..4, 0),
        Verdict::FailedFrom(0),
        mapping(true, None, None),
    );
    assert_eq!(next.retries, [batch(0..2, 0), batch(2..4, 0)]);
}

#[test]
fn a_batch_is_given_up_on_after_its_last_retry() {
    let again = next(
        batch(7..8, 1),
        Verdict::Failed,
        mapping(true, Some(2), None),
    );
    assert_eq!(again.retries, [batch(7..8, 2)]);
    let last = next(
        batch(7..8, 2),
        Verdict::Failed,
        mapping(true, Some(2), None),
    );
    let given_up = last.given_up.unwrap();
    assert_eq!(given_up.records, batch(7..8, 0).records);
    assert_eq!(given_up.condition, Condition::RetryAttemptsExhausted);
    assert_eq!(given_up.invocations, 3);
    assert!(last.retries.is_empty());
}

#[test]
fn without_a_limit_a_batch_is_tried_for_ever() {
    let next = next(
        batch(7..8, u32::MAX - 1),
        Verdict::Failed,
        mapping(true, None, None),
    );
    assert_eq!(next.retries, [batch(7..8, u32::MAX)]);
}

#[test]
fn records_over_the_age_are_given_up_on_and_the_younger_are_tried_again() {
    let next = next(
        batch(88..93, 0),
        Verdict::Failed,
        mapping(false, None, Some(10)),
    );
    let given_up = next.given_up.unwrap();
    assert_eq!(given_up.records, batch(88..90, 0).records);
    assert_eq!(given_up.condition, Condition::RecordAgeExceeded);
    assert_eq!(next.retries, [batch(90..93, 1)]);
}

#[test]
fn pauses_double_up_to_ten_seconds() {
    for (failures, longest) in [
        (0, 100),
        (1, 100),
        (2, 200),
        (5, 1_600),
        (20, 10_000),
        (u32::MAX, 10_000),
    ] {
        let pause = pause(failures).as_millis();
        assert!(
            (longest / 2..=longest).contains(&pause),
            "{failures} failures: {pause} ms"
        );
    }
}
