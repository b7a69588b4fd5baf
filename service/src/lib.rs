//! Your code: the domain. Aggregates, projections, adapters and rules, one
//! concept a file, all registered in [`service`].
//!
//! It ships with three examples: [`shop`], fed with raw inputs through an
//! adapter, [`poll`], fed with CloudEvents, and [`portal`], which decides about
//! commands.
#![deny(missing_docs)]

pub mod poll;
pub mod portal;
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
        .aggregate::<portal::application::Application>()
        .single_stream::<portal::rows::Applications>()
        .multi_stream::<portal::rows::ApplicationsByOwner>()
        .multi_stream::<portal::rows::ApiProducts>()
        .process::<portal::credentials::Credentials>()
        .process::<portal::campaigns::Campaigns>()
        .single_stream::<portal::rows::CampaignsOfApplications>()
        .multi_stream::<portal::rows::CampaignsByOwner>()
}
