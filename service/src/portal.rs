//! A developer portal: applications use API products under a plan, and have
//! credentials that expire. Commands go to `POST /commands/application/{id}`.
//!
//! | file | what |
//! |---|---|
//! | [`application`] | the aggregate: events, commands, rejections |
//! | [`credentials`] | a process: a credential expires by a deadline |
//! | [`campaigns`] | a process: what a plan and its time lead to |
//! | [`surveys`] | forms at an outside form service, mails, and what comes back |
//! | [`rows`] | the rows |

pub mod application;
pub mod campaigns;
pub mod credentials;
pub mod rows;
pub mod surveys;

use rewind::StreamName;

/// The id of an application, from the name of its stream.
fn id_of(stream: &StreamName) -> String {
    let id = stream.original_id();
    id.map_or_else(|| stream.id().into(), Into::into)
}
