//! Faults between Rewind and AWS, drawn by seed: all that AWS documents, and
//! what a network does besides.
//!
//! The layer lies around the SDK's HTTP client, so that a fault goes through
//! the SDK's own retries and parsing before Rewind sees it. It knows the SDK
//! and nothing of Rewind. Only tests and `torture` depend on it: a test in
//! `infra/poison` finds it in anything that is deployed or installed.
//!
//! ```
//! use fault_layer::{Faults, Kind, Plan};
//!
//! let plan: Plan = "seed=7,rate=0.02,kinds=throttled+answer-lost".parse()?;
//! assert_eq!(plan.kinds, [Kind::Throttled, Kind::AnswerLost]);
//! let faults = Faults::new(plan);
//! // let clients = clients.map_config(|config| faults.around(config));
//! assert!(faults.counts().is_empty());
//! # Ok::<(), fault_layer::BadPlan>(())
//! ```
#![deny(missing_docs)]

mod answers;
mod client;
mod dice;
mod faults;
mod lagging;
mod partial;
mod plan;

pub use faults::{Faults, LOG_VARIABLE, VARIABLE};
pub use lagging::Lag;
pub use plan::{BadPlan, Kind, Plan};
