//! microservice: the business logic behind the events. Adapters and rules emit
//! new events from recorded ones and send them to `incoming`.

pub mod handler;

use aws_lambda_events::kinesis::KinesisEvent;
pub use handler::Handler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rewind::Service;
use rewind_aws::{metrics::Metrics, react::reactor::Reactor, wiring::Clients};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let incoming = clients.stream("INCOMING_STREAM")?;
    let reactor = Reactor::new(service, clients.events()?, clients.data()?, incoming);
    let handler = Handler::new(reactor, clients.data()?);
    let handler = &handler.with_metrics(Metrics::from_env());
    // Boxed: the type of the future is too deep for the compiler.
    let invoke = |event: LambdaEvent<KinesisEvent>| Box::pin(handler.handle(event.payload));
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
