//! Trigger: HTTP API, `POST /events` and `POST /inputs/{source}`.
//! Reads: nothing. Writes: the stream `INCOMING_STREAM`.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    ingest::run(service::service(), Clients::from_env()).await
}
