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
//! | [`template`] | CloudFormation: what a template declares, with its names |
//! | `dynamodb` | DynamoDB, in process |
//! | `kinesis` | Kinesis, in process and in memory, behind one lock |
//! | `journal` | the durability of Kinesis: records are on disk until their consumers have finished them |
//! | `permissions` | IAM: what the functions may do, and what they did |
//! | `runtime` | Lambda: function processes behind the Runtime API |
//! | `triggers` | Lambda's event source mappings: pollers, batches, retries, dead letters |
//! | `schedules` | EventBridge: functions that are invoked periodically |
//! | `notifications` | S3: functions that are invoked when objects are made in a bucket |
//! | `gateway` | API Gateway's HTTP API, and Lambda's Invoke |
//! | `http` | the front of all endpoints: who may call, within which limits, and how a refusal reads |
//! | `state` | storage: the state folder, and its disk when it is full |
//! | `system` | the account: starts and stops everything, in order |
//!
//! The crate does not know what the functions do. Streams, tables, routes and functions are those of the template.
//!
//! No two files use each other. A room uses only rooms further down in this order: `system`; `schedules`, `notifications`; `triggers`,
//! `gateway`; `runtime`, `dynamodb`, `kinesis`; `journal`, `permissions`; `state`; `http`; `template`.

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
mod loopback;
mod net;
mod notifications;
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
pub use loopback::Loopback;
pub use options::{Observed, Observer, Options, State, Worker};
pub use state::private::write_private;
pub use system::System;
pub use template::{Template, TemplateError};
