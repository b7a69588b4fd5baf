//! ingest: takes events and raw inputs over HTTP, checks them, gives ids and
//! times, and acknowledges only what Kinesis has acknowledged.

mod answer;
pub mod handler;
mod parse;
mod request;

pub use handler::{Handler, ROUTES};
use lambda_runtime::{Error, LambdaEvent, service_fn};
pub use parse::MAX_EVENTS;
pub use request::MAX_KEY;
use rewind::Service;
use rewind_aws::{aws::http::Request, metrics::Metrics, wiring::Clients};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let handler = Handler::new(service, clients.stream("INCOMING_STREAM")?);
    let handler = &handler.with_metrics(Metrics::from_env());
    let invoke = |event: LambdaEvent<Request>| async move {
        Ok::<_, Error>(handler.handle(&event.payload).await)
    };
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
