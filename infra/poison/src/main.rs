//! The write function as it is deployed, but for its domain.

use lambda_runtime::Error;
use rewind_aws::{aws::log, wiring::Clients};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    write::run(poison::service(), Clients::from_env()).await
}
