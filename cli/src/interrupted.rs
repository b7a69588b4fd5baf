//! Interruption by Ctrl-C or by a request to terminate.

use crate::end::End;

/// Waits for `doing`, or for a signal. After a signal, `words` tell the operator
/// how the work continues.
///
/// # Errors
///
/// Those of `doing`, or `Interrupted`.
pub async fn unless<T>(
    doing: impl Future<Output = Result<T, End>>,
    words: impl FnOnce() -> String,
) -> Result<T, End> {
    tokio::select! {
        // The handler is registered before the work begins.
        biased;
        number = signal() => Err(End::Interrupted(number, words())),
        done = doing => done,
    }
}

/// Waits for SIGINT or SIGTERM, and returns its number.
pub async fn signal() -> u8 {
    const INTERRUPT: u8 = 2;
    const TERMINATE: u8 = 15;
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => INTERRUPT,
                _ = terminate.recv() => TERMINATE,
            };
        }
    }
    // Without a handler, Ctrl-C ends the process all the same.
    let _ = tokio::signal::ctrl_c().await;
    INTERRUPT
}
