//! One file for each row of the table.

pub mod append;
pub mod cold;
pub mod command;
pub mod decode;
pub mod kinesis;
pub mod reading;
pub mod scale;
pub mod singly;
pub mod system;
