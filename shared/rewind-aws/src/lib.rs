//! Rewind on AWS: what the pure crate `rewind` plans, done with DynamoDB,
//! Kinesis and Lambda. No other crate knows the SDK.
//!
//! | module | what it does |
//! |---|---|
//! | [`clients`] | the SDK's clients, from the environment |
//! | [`event_store`] | the events table: claims, commits, reading |
//! | [`sequencer`] | pump's work: dense versions, recorded once |
//! | [`data_store`] | rows, watermarks, transactions on the data store |
//! | [`generations`] | which generation of a projection serves, which is built |
//! | [`compare`] | compares two generations, row by row |
//! | [`history`] | streams as they count, with regard to what was reversed |
//! | [`projector`] | write's work: the watermark rule and the folds |
//! | [`reactor`] | microservice's work: adapters and rules |
//! | [`lag`], [`shards`], [`peek`] | who is how far behind, which batch fails, what waits: for `/health` |
//! | [`partitions`] | history in recorded order |
//! | [`playback`] | streams history back through the replay stream |
//! | [`reversal`] | takes single events back |
//! | [`audit`] | looks at both tables from the outside |
//! | [`put`] | PutRecords that keeps each stream's order |
//! | [`clock`] | ids and times |
//! | [`invoke`] | another invocation of a function |
//! | [`http`], [`records`] | what API Gateway and Kinesis triggers hand over |
#![deny(missing_docs)]

pub mod audit;
pub mod clients;
pub mod clock;
pub mod compare;
pub mod data_store;
mod error;
pub mod event_store;
pub mod generations;
pub mod history;
pub mod http;
pub mod invoke;
mod item;
pub mod lag;
pub mod partitions;
pub mod peek;
pub mod playback;
pub mod projector;
pub mod put;
pub mod reactor;
mod readers;
pub mod records;
pub mod retry;
pub mod reversal;
pub mod sequencer;
pub mod shards;
pub mod stalls;

pub use error::Error;
pub use item::Item;
