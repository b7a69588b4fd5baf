//! query: the read side. Rows, streams, playbacks and health over HTTP.

mod at_least;
mod compare;
mod cursor;
mod dead_letters;
pub mod describe;
mod events;
mod gateways;
pub mod handler;
mod health;
mod incidents;
mod live;
mod names;
mod past;
mod playbacks;
mod row;
mod rows;
mod secondary;
mod shown;
mod sources;
mod streams;
mod trace;
mod waiting;

pub use handler::{Handler, ROUTES};
use lambda_runtime::{Error, LambdaEvent, service_fn};
pub use live::Parts;
use rewind::Service;
use rewind_aws::{aws::http::Request, wiring::Clients};
use std::sync::Arc;

/// Runs the function under the Lambda runtime.
///
/// # Errors
///
/// When the environment lacks what `template.yaml` declares, or the runtime
/// cannot be reached.
pub async fn run(service: Service, clients: Clients) -> Result<(), Error> {
    let handler = &Arc::new(Handler::new(
        service,
        clients.events()?,
        clients.data()?,
        clients.stream("INCOMING_STREAM")?,
    ));
    let invoke = |event: LambdaEvent<Request>| async move {
        let deadline = event.context.deadline;
        Ok::<_, Error>(handler.clone().respond(&event.payload, deadline).await)
    };
    Box::pin(lambda_runtime::run(service_fn(invoke))).await
}
