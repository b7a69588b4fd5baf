//! HTTP/1.1 for every endpoint of the local system: who may call, within which limits, and what a refusal looks like.
//!
//! The system listens on loopback, and so do the browsers of the same machine: any page that they show can send to it.
//! So each request has to name a host of loopback, and come from no foreign page ([`Callers`]). Whoever connects and
//! then says nothing is let go ([`Server`]). What hyper refuses by itself, with an empty body, becomes a problem on its
//! way out (`wire`).

mod body;
mod callers;
mod connection;
mod headers;
mod problem;
mod server;
mod wire;

pub(crate) use body::{Unread, read};
pub(crate) use callers::Callers;
pub(crate) use headers::{content_type, media_type};
pub(crate) use problem::Problem;
pub(crate) use server::Server;
