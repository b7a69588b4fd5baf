//! microservice: the business logic. Aggregates decide about commands; adapters
//! and rules emit new events from recorded ones and send them to `incoming`.

mod asked;
pub mod handler;
mod invocation;
mod requests;

pub use handler::{Answered, Handler};
pub use invocation::Invocation;
use lambda_runtime::{Error, LambdaEvent, service_fn};
pub use requests::ROUTES;
use rewind::Service;
use rewind_aws::{
    command::commands::Commands, metrics::Metrics, outside::Outside, wiring::Clients,
};

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let incoming = clients.stream("INCOMING_STREAM")?;
    let published = clients.stream("EVENTS_STREAM")?;
    let commands = Commands::new(service, clients.events()?, clients.data()?, published);
    let handler = Handler::calling(commands, incoming, Outside::from_env(&clients)?);
    let handler = &handler.with_metrics(Metrics::from_env());
    // Boxed: the type of the future is too deep for the compiler.
    let invoke = |event: LambdaEvent<Invocation>| Box::pin(handler.invoke(event.payload));
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
