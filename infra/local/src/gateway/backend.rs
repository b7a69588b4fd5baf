//! What the gateway needs to answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::queue::Queue;
use super::routes::Routes;
use crate::permissions::Guard;
use crate::runtime::Runtime;
use crate::state::disk::Disk;

/// What stands behind the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub runtime: Arc<Runtime>,
    pub routes: Arc<Routes>,
    /// The functions, by logical id, with a URL that streams.
    pub streaming: Arc<BTreeSet<String>>,
    pub queue: Arc<Queue>,
    pub guard: Arc<Guard>,
    pub disk: Disk,
    /// Whether callers have to be who the template says.
    pub enforces_auth: bool,
}
