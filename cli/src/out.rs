//! What the program says. All of it goes through here: standard output may be
//! a pipe whose reader has left, which ends a verb and is no fault.

use crate::exit::End;
use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
};

/// Says a line on standard output, such as `say!("{count} events")?`.
macro_rules! say {
    () => { $crate::out::line(format_args!("")) };
    ($($text:tt)*) => { $crate::out::line(format_args!($($text)*)) };
}

/// Says a line on standard error.
macro_rules! note {
    ($($text:tt)*) => { $crate::out::aside(format_args!($($text)*)) };
}

pub(crate) use {note, say};

/// Writes a line to standard output.
///
/// # Errors
///
/// When nobody reads it any more, or it cannot be written.
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

/// Writes a line to standard error. Who does not listen there is not waited
/// for.
pub fn aside(text: Arguments<'_>) {
    // There is nobody left to be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How a write to standard output ended.
///
/// # Errors
///
/// When nobody reads it any more, or it cannot be written.
pub fn written(outcome: io::Result<()>) -> Result<(), End> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => End::Closed,
        _ => End::Failed(format!("standard output cannot be written: {error}")),
    })
}
