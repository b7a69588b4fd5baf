//! The feed of changes: what becomes of rows is told as events, once each, in
//! the order of the rows' writes, and never by a rebuild.

mod crashes;
mod domain;
mod generations;
mod kinds;
mod many;
mod scene;
#[path = "../support/mod.rs"]
mod support;
