//! Processes: their journals, and their deadlines.
//!
//! An event is taken by one transaction: the run of the journal's events that
//! follows from it, and a claim, so that it is taken once, whoever delivers it
//! again. A deadline fires the same way. What a process gives is sent by
//! whoever reads the journal (`react`), so it is sent whatever dies here.
//!
//! It knows both tables. It must not know rows, nor who delivers.

pub mod due;
pub mod journals;
pub mod overdue;
pub mod timer;
