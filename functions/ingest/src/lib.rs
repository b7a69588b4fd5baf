//! ingest: takes events and raw inputs over HTTP, checks them, gives ids and
//! times, and acknowledges only what Kinesis has acknowledged.

mod answer;
pub mod handler;
mod parse;
mod request;

pub use answer::MAX_ANSWER;
pub use handler::{Handler, ROUTES};
use lambda_runtime::{Error, LambdaEvent, service_fn};
pub use parse::MAX_EVENTS;
pub use request::MAX_KEY;
use rewind::Service;
use rewind_aws::{aws::http::Request, wiring::Clients};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let handler = &Handler::new(service, clients.stream("INCOMING_STREAM")?);
    let invoke = |event: LambdaEvent<Request>| async move {
        Ok::<_, Error>(handler.handle(&event.payload).await)
    };
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
