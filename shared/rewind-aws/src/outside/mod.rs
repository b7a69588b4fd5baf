//! Transports of gateways: they carry a request to an HTTP API or a mail to a
//! mail server, once, and say what came of it.
//!
//! The environment says where a gateway's requests go (`GATEWAYS`), which hosts
//! may be called at all (`OUTSIDE_HOSTS`), and by which name the credentials are
//! known. It must not know who asks nor why, nor a table or a stream. Nothing
//! here tries again: whoever asks does that, with the same key.
//!
//! ```text
//! {"payments": {"http": {"url": "https://api.pay.example/v1", "credentials": "prod/payments"}},
//!  "mail": {"smtp": {"host": "smtp.example", "from": "Shop <shop@example.org>", "credentials": "ssm:/prod/smtp"}}}
//! ```

mod circuit;
mod config;
mod hosts;
mod http;
mod mail;
mod secrets;
mod sent;
mod tls;
mod transports;

pub use config::Config;
pub use http::{CUT, MAX_ANSWER, MAX_BODY, MAX_RETRY_AFTER};
pub use secrets::Credentials;
pub use sent::{Sending, Sent, Waits};
pub use transports::Outside;
