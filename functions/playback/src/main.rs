//! Trigger: by hand (invoke), `POST /playbacks`, and itself.
//! Reads: the table `EVENTS_TABLE`. Reads and writes: the table `DATA_TABLE`.
//! Writes: the stream `REPLAY_STREAM`.

use lambda_runtime::{Error, tracing};
use rewind_aws::wiring::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    playback::run(service::service(), Clients::from_env().await).await
}
