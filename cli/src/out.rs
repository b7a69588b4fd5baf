//! All output of the program. Standard output may be a pipe whose reader has
//! gone: that ends a verb, and is no error.

use crate::end::End;
use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
};

/// Prints a line on standard output, such as `say!("{count} events")?`.
macro_rules! say {
    () => { $crate::out::line(format_args!("")) };
    ($($text:tt)*) => { $crate::out::line(format_args!($($text)*)) };
}

/// Prints a line on standard error.
macro_rules! note {
    ($($text:tt)*) => { $crate::out::aside(format_args!($($text)*)) };
}

pub(crate) use {note, say};

/// Writes a line to standard output.
///
/// # Errors
///
/// When its reader has gone, or it cannot be written.
pub fn line(text: Arguments<'_>) -> Result<(), End> {
    let mut out = io::stdout().lock();
    written(writeln!(out, "{text}"))
}

/// Writes a part of a line to standard output.
///
/// # Errors
///
/// As [`line`].
pub fn part(text: Arguments<'_>) -> Result<(), End> {
    let mut out = io::stdout().lock();
    written(write!(out, "{text}"))
}

/// Writes a line to standard error. It ignores failures.
pub fn aside(text: Arguments<'_>) {
    // There is no other place to report it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Turns the result of a write to standard output into an outcome.
///
/// # Errors
///
/// When its reader has gone, or it cannot be written.
pub fn written(outcome: io::Result<()>) -> Result<(), End> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => End::Closed,
        _ => End::Failed(format!("standard output cannot be written: {error}")),
    })
}
