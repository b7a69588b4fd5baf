//! Rows in PostgreSQL: equal to the data store's, whatever dies, and however
//! generations come and go. The server is that of Debian's package `postgresql`.

#[path = "../support/mod.rs"]
mod support;

mod deaths;
mod domain;
mod down;
mod generations;
mod kinds;
mod scene;
mod server;
mod stalls;
