//! A developer portal: applications use API products under a plan, and have
//! credentials that expire.
//!
//! | file | what |
//! |---|---|
//! | [`application`] | the aggregate: commands, events, rejections |
//! | [`credentials`] | a process: a credential expires by a deadline |
//! | [`campaigns`] | a process: what a plan and its time lead to |
//! | [`rows`] | the rows |

pub mod application;
pub mod campaigns;
pub mod credentials;
pub mod rows;
#[cfg(test)]
mod tests;
