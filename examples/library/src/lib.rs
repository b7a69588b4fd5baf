//! A library that lends books: the domain that `docs/add-a-domain.md` builds,
//! and some more of it.
#![deny(missing_docs)]

pub mod loan;
pub mod member;
pub mod reactions;

use rewind::Service;

/// All that this domain registers.
pub fn service() -> Service {
    Service::new()
        .aggregate::<loan::Loan>()
        .single_stream::<loan::Loans>()
        .process::<loan::Overdue>()
        .aggregate::<member::Member>()
        .single_stream::<member::Members>()
        .rule::<reactions::LoansFollow>()
        .process::<reactions::Fines>()
        .process::<reactions::Suspensions>()
}
