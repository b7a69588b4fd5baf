//! Waiting between attempts: exponential, with full jitter.

use std::time::Duration;

/// How often a thing that may succeed later is tried.
pub const ATTEMPTS: u32 = 8;

/// Waits before the next attempt: a random time of up to 25 ms after the first,
/// doubling up to 3 s.
pub async fn wait(attempt: u32) {
    let most = 25u64.saturating_mul(1 << attempt.min(7)).min(3_000);
    let millis = rand::random_range(0..=most);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
