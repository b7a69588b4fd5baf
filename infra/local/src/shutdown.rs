//! How a task learns that it has to end.

use tokio::sync::watch;

/// Resolves when `shutdown` turns true, or when its sender is dropped.
pub(crate) async fn stopped(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|is_stopped| *is_stopped).await;
}
