//! A function whose work is counted.

use crate::{
    meter::{Meter, Reading},
    support::Aws,
};
use aws_smithy_http_client::Builder;
use local::template::Model;
use rewind_aws::{
    metrics::{Metrics, Written},
    wiring::Clients,
};
use std::time::Instant;

/// A function: its handler, the meter around its clients, and its metrics.
pub struct Function<H> {
    name: &'static str,
    handler: H,
    memory_gb: f64,
    meter: Meter,
    written: Written,
    invocations: u64,
    seconds: f64,
}

/// What a handler is made of.
pub struct Parts {
    pub clients: Clients,
    pub metrics: Metrics,
}

/// What a function has done.
#[derive(Debug, Clone)]
pub struct Work {
    /// The function.
    pub name: &'static str,
    /// Its requests, with what DynamoDB and Kinesis charge for.
    pub reading: Reading,
    /// How often it was invoked.
    pub invocations: u64,
    /// Its time by its memory.
    pub gb_seconds: f64,
    /// Its lines of metrics, which are logged.
    pub metrics: Vec<String>,
}

impl<H> Function<H> {
    /// The function of this name, with the memory that the template gives it.
    pub fn new(
        name: &'static str,
        aws: &Aws,
        model: &Model,
        handler: impl FnOnce(Parts) -> H,
    ) -> Self {
        let meter = Meter::around(Builder::new().build_http());
        let clients = aws.clients.clone().map_config(|config| {
            let metered = meter.clone();
            config.into_builder().http_client(metered).build()
        });
        let (metrics, written) = Metrics::in_memory("rewind");
        let declared = model.functions.iter().find(|found| found.binary == name);
        let declared = declared.expect("the template declares each function");
        Self {
            name,
            handler: handler(Parts { clients, metrics }),
            memory_gb: f64::from(declared.memory_mb) / 1024.0,
            meter,
            written,
            invocations: 0,
            seconds: 0.0,
        }
    }

    /// One invocation. Lambda charges for each begun millisecond.
    pub async fn invoke<T>(&mut self, work: impl AsyncFnOnce(&H) -> T) -> T {
        let since = Instant::now();
        let output = work(&self.handler).await;
        self.seconds += (since.elapsed().as_secs_f64() * 1000.0).ceil() / 1000.0;
        self.invocations += 1;
        output
    }

    /// What it has done since the last call.
    pub fn take(&mut self) -> Work {
        Work {
            name: self.name,
            reading: self.meter.take(),
            invocations: std::mem::take(&mut self.invocations),
            gb_seconds: std::mem::take(&mut self.seconds) * self.memory_gb,
            metrics: self.written.take(),
        }
    }
}
