//! Your code: the domain. Aggregates, projections, adapters and rules, one
//! concept a file, all registered in [`service`].
//!
//! It ships with three examples: [`poll`], fed with CloudEvents, [`portal`],
//! which decides about commands, and [`shop`], which takes raw inputs through
//! adapters and lets three aggregates work together.
//! [`mails`] is the gateway through which people are written to.
#![deny(missing_docs)]

pub mod mails;
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
        .adapter::<shop::raw::RawOrders>()
        .aggregate::<shop::order::Order>()
        .single_stream::<shop::order::Orders>()
        .aggregate::<shop::payment::Payment>()
        .single_stream::<shop::payment::Payments>()
        .aggregate::<shop::shipment::Shipment>()
        .single_stream::<shop::shipment::Shipments>()
        .process::<shop::checkout::Checkout>()
        .process::<shop::fulfilment::Fulfilment>()
        .gateway::<shop::provider::Provider>()
        .process::<shop::notices::Notices>()
        .gateway::<mails::Mails>()
        .multi_stream::<shop::steps::OrderSteps>()
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
        .multi_stream::<portal::rows::CredentialRows>()
        .gateway::<portal::surveys::Forms>()
        .rule::<portal::surveys::SurveysAsk>()
        .adapter::<portal::surveys::Feedback>()
        .single_stream::<portal::surveys::Surveys>()
        .multi_stream::<portal::surveys::FeedbackByProduct>()
}
