//! EventBridge: invokes functions periodically.
//!
//! The room knows periods and the queue of asynchronous invocations. It does not know what a function does with one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock;
use crate::gateway::Queue;
use crate::shutdown::stopped;
use crate::template::{ACCOUNT, REGION, Schedule};

/// The shortest period of a scaled schedule. With a period of zero, the task would never yield its thread.
const SHORTEST: Duration = Duration::from_millis(1);

/// A schedule with everything that its task needs.
#[derive(Debug)]
pub(crate) struct Rule {
    pub schedule: Schedule,
    /// How long a minute of the schedule takes.
    pub unit: Duration,
    pub queue: Arc<Queue>,
    /// Turns true when no more invocations are to begin.
    pub closing: watch::Receiver<bool>,
}

impl Rule {
    /// Starts the schedule. The first invocation is after one period. The task ends when `closing` turns true.
    pub fn start(self) -> JoinHandle<()> {
        tokio::spawn(follow(self))
    }
}

/// Queues an invocation at the end of each period.
async fn follow(rule: Rule) {
    let period = scaled(rule.schedule.every, rule.unit);
    let mut last: Option<JoinHandle<()>> = None;
    // The wait does not count as work: the system is idle between two invocations.
    while tokio::time::timeout(period, stopped(rule.closing.clone()))
        .await
        .is_err()
    {
        // AWS would run both at once. Here, with a slow function or a short unit, invocations would pile up without end.
        if last
            .as_ref()
            .is_some_and(|invocation| !invocation.is_finished())
        {
            tracing::debug!(
                schedule = rule.schedule.id,
                "an invocation is left out: the one before it has not ended"
            );
            continue;
        }
        let payload = payload(&rule.schedule, clock::now_ms());
        match rule.queue.put(&rule.schedule.function, payload) {
            Ok(invocation) => last = Some(invocation),
            Err(error) => tracing::warn!(
                schedule = rule.schedule.id,
                %error,
                "an invocation is left out: its event cannot be kept"
            ),
        }
    }
}

/// A period in the time of a schedule whose minute takes `unit`.
fn scaled(every: Duration, unit: Duration) -> Duration {
    Duration::try_from_secs_f64(every.as_secs_f64() * unit.as_secs_f64() / 60.0)
        .unwrap_or(Duration::MAX)
        .max(SHORTEST)
}

/// The payload: the schedule's input, or the event that EventBridge sends without one.
fn payload(schedule: &Schedule, now_ms: u64) -> Bytes {
    if let Some(input) = &schedule.input {
        return input.clone().into();
    }
    json!({
        "version": "0",
        "id": uuid::Uuid::now_v7().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": clock::whole_seconds(now_ms),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", schedule.id)],
        "detail": {},
    })
    .to_string()
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_scaled_by_what_a_minute_takes() {
        let hour = Duration::from_secs(3_600);
        for (unit, period) in [
            (Duration::from_secs(60), hour),
            (Duration::from_millis(50), Duration::from_secs(3)),
            (Duration::ZERO, SHORTEST),
            (Duration::MAX, Duration::MAX),
        ] {
            assert_eq!(scaled(hour, unit), period, "{unit:?}");
        }
    }
}
