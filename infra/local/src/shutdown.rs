//! Tells tasks that it is time to end.

use tokio::sync::watch;

/// Resolves when `shutdown` turns true, or when whoever could turn it is gone.
pub(crate) async fn stopped(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|is_stopped| *is_stopped).await;
}
