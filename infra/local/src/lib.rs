//! A small AWS on this machine, driven by a SAM template.
//!
//! ```no_run
//! # async fn run() -> Result<(), local::StartError> {
//! use local::{Options, System, Template, Worker};
//!
//! let template = Template::read("template.yaml")?;
//! let worker = Worker { program: "target/debug/app".into(), args: vec!["function".to_owned()] };
//! let system = System::start(Options::new(template, worker)).await?;
//! println!("{}", system.url());
//! system.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it is on AWS |
//! |---|---|
//! | [`template`] | CloudFormation: what there is, with its names |
//! | `dynamodb` | DynamoDB, in process |
//! | `kinesis` | Kinesis, in process and in memory, behind one lock |
//! | `journal` | why a Kinesis in memory loses nothing: its records on disk until they are finished |
//! | `permissions` | IAM: what the functions may do, and what they used |
//! | `runtime` | Lambda: function processes behind the Runtime API |
//! | `triggers` | Lambda's event source mappings: batches, retries, dead letters |
//! | `schedules` | EventBridge: functions that are invoked over and over |
//! | `gateway` | API Gateway's HTTP API, and Lambda's Invoke |
//! | `http` | the front of all of them: who may call, within which limits, and what a refusal looks like |
//! | `disk` | what AWS has without end: refuses, and waits, while the state folder's disk is full |
//!
//! It knows nothing of what the functions do: streams, tables, routes and functions are what the template says.

#![deny(missing_docs)]

mod activity;
mod clock;
mod dynamodb;
mod error;
mod gateway;
mod http;
mod journal;
mod kinesis;
mod lock;
mod net;
mod options;
mod permissions;
mod runtime;
mod schedules;
mod sdk;
mod shutdown;
mod state;
mod system;
pub mod template;
mod triggers;

pub use error::StartError;
pub use options::{Options, State, Worker};
pub use state::private::write_private;
pub use system::System;
pub use template::{Template, TemplateError};
