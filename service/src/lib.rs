//! Your code: the domain. Aggregates, projections, adapters and rules, one
//! concept a file, all registered in [`service`].
//!
//! It ships with two examples: [`shop`], fed with raw inputs through an
//! adapter, and [`poll`], fed with CloudEvents.
#![deny(missing_docs)]

pub mod poll;
pub mod shop;

use rewind::Service;

/// All that this domain registers.
pub fn service() -> Service {
    Service::new()
        .adapter::<shop::Inputs>()
        .single_stream::<shop::Carts>()
        .multi_stream::<shop::UserLog>()
        .multi_stream::<shop::Products>()
        .rule::<shop::OrdersOpen>()
        .events::<shop::OrderEvent>()
        .single_stream::<poll::BasicSum>()
        .single_stream::<poll::OneVoteSum>()
        .single_stream::<poll::ValidChoiceSum>()
}
