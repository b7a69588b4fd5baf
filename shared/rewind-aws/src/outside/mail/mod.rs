//! Mails, over SMTP.

mod conversation;
mod mailer;
mod message;

pub(super) use mailer::Mailer;
