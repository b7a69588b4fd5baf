//! HTTP/1.1 for every endpoint of the local system: who may call, within which limits, and how a refusal reads.
//!
//! The room knows connections, callers, limits and problem details. It does not know routes, nor what an endpoint does.
//!
//! The system listens on loopback, and any web page in a browser of the same machine can send to it. So each request must
//! name a host of loopback, and must not come from a foreign page ([`Callers`]). A client that connects and sends nothing
//! is disconnected (`connection`). hyper refuses some requests by itself, with an empty body; such a refusal becomes a
//! problem before it is sent (`wire`).

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
