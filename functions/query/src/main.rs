//! Trigger: HTTP API, every `GET`.
//! Reads: the tables `EVENTS_TABLE` and `DATA_TABLE`. Writes: nothing.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    query::run(service::service(), Clients::from_env()).await
}
