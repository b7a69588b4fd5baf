//! Streams as they count, as the other rooms use them.

pub(crate) use super::{
    fold::Fold,
    resolved::{Resolved, resolve},
    reversals::is_taken_back,
    sized::fold_sized,
};
pub use super::{
    fold::{fold, supposing},
    resolved::root,
    reversals::reversals,
    shared_row::{Past, Wanted, fold_shared},
    subject::{Refolded, Subject},
};
