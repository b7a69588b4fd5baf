//! Rewind on AWS: what the pure crate `rewind` plans, done with DynamoDB,
//! Kinesis and Lambda. No other crate knows the SDK.
//!
//! Each concept has a room. A room uses what lies below it, never what stands
//! beside it or above it.
//!
//! | floor | room | what it does |
//! |---|---|---|
//! | 7 | [`api`] | routes, bodies and answers of the functions that write |
//! | 7 | [`wiring`] | from the environment to the stores |
//! | 7 | [`audit`] | looks at both tables from the outside: `rewind verify` and `/health` |
//! | 6 | [`playback`] | sends history through the replay stream again |
//! | 6 | [`react`] | runs adapters and rules: microservice's work |
//! | 6 | [`elsewhere`] | keeps rows in PostgreSQL as well |
//! | 5 | [`command`] | decides about commands, records and publishes what follows |
//! | 5 | [`process`] | journals of processes, and their deadlines |
//! | 5 | [`gateway`] | calls of gateways: recorded, sent, answered |
//! | 5 | [`project`] | folds events into rows: write's work |
//! | 5 | [`reverse`] | takes single events back |
//! | 4 | [`generation`] | which generation of a projection serves, which is built; compares two of them |
//! | 4 | [`history`] | reads history in recorded order, and follows reversals |
//! | 4 | [`sequence`] | gives events their versions and records them: pump's work |
//! | 4 | [`append`] | records and publishes outside of pump |
//! | 4 | [`feed`] | tells what becomes of rows, as events |
//! | 3 | [`event_table`] | the events table: claims, commits, reading |
//! | 3 | [`data_table`] | the data store: rows, transactions, records of readers |
//! | 3 | [`outside`] | transports of gateways: HTTP and mail |
//! | 2 | [`metrics`] | what CloudWatch is told, line by line |
//! | 2 | [`aws`] | what the rooms above need of the SDK |
#![deny(missing_docs)]

pub mod api;
pub mod append;
pub mod audit;
pub mod aws;
pub mod command;
pub mod data_table;
pub mod elsewhere;
pub mod event_table;
pub mod feed;
pub mod gateway;
pub mod generation;
pub mod history;
pub mod metrics;
pub mod outside;
pub mod playback;
pub mod process;
pub mod project;
pub mod react;
pub mod reverse;
pub mod sequence;
pub mod wiring;

pub use aws::{error::Error, item::Item};
