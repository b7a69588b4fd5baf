//! Ctrl-C, and a request to terminate.

use crate::exit::End;

/// Does something, unless a signal comes first: then `words` say what becomes
/// of it.
///
/// # Errors
///
/// Those of what is done, or the signal.
pub async fn unless<T>(
    doing: impl Future<Output = Result<T, End>>,
    words: impl FnOnce() -> String,
) -> Result<T, End> {
    tokio::select! {
        // The signal is listened to before anything is done.
        biased;
        number = signal() => Err(End::Interrupted(number, words())),
        done = doing => done,
    }
}

/// Waits for a signal that wants the program to end, and gives its number.
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
    // Without a handler for it, Ctrl-C ends the process all the same.
    let _ = tokio::signal::ctrl_c().await;
    INTERRUPT
}
