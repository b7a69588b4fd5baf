//! What the HTTP API of the functions that write takes and answers: routes,
//! bodies, answers. query describes them to clients (`GET /openapi.json`), and
//! functions do not import each other. query's own stand with query.
//!
//! This room knows shapes. It does not know how a request is worked on.

pub mod ingest;
pub mod microservice;
pub mod playback;
