//! Trigger: by hand (invoke), `POST /playbacks` and the operator's other routes,
//! a schedule, new dead letters, and itself.
//! Reads: the table `EVENTS_TABLE`. Reads and writes: the table `DATA_TABLE`.
//! Writes: the streams `REPLAY_STREAM` and `INCOMING_STREAM`, of which it also
//! reads what waits for pump.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    playback::run(service::service(), Clients::from_env()).await
}
