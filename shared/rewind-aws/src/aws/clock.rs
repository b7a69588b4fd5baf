//! Ids and times: what the pure crate has no clock and no dice for.
//!
//! There are two times. [`now`] is the machine's: leases, ages, playbacks and
//! metrics go by it, because they measure how long something takes.
//! [`domain_now`] is the time that events tell and deadlines wait for. It is the
//! same, unless [`VARIABLE`] names a file: then that file is the clock, and a
//! test on this machine turns it by hand. `template.yaml` does not name the
//! variable, so no deployed function has it.

use jiff::Timestamp;
use rewind::cloudevents::Defaults;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, Once, PoisonError},
    time::{Duration, SystemTime},
};
use uuid::Uuid;

/// The environment variable that names the file of a clock that is turned by
/// hand. The file holds one RFC 3339 time.
pub const VARIABLE: &str = "REWIND_CLOCK";

static BY_HAND: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os(VARIABLE).map(PathBuf::from));

/// An id (UUID version 7, which sorts by time) and the present of the domain,
/// for an event that brings none.
pub fn defaults() -> Defaults {
    Defaults {
        id: id(),
        time: domain_now().to_string(),
    }
}

/// A new id: UUID version 7.
pub fn id() -> String {
    Uuid::now_v7().to_string()
}

/// The present by the clock of this machine, in milliseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    // Beyond the year 9999 there is no timestamp.
    Timestamp::from_millisecond(millis as i64).unwrap_or(Timestamp::MAX)
}

/// Microseconds since 1970, by the clock of this machine: what positions are
/// made of.
pub fn micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

/// How often a clock's file is read before it is taken as wrong: who writes it
/// may just have emptied it. And the pause in between.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// The present of the domain: of commands, of events that bring no time, and of
/// deadlines. The file is read at each call. Where it tells no time, the clock
/// stands still, and the log says so once.
pub fn domain_now() -> Timestamp {
    match &*BY_HAND {
        None => now(),
        Some(file) => by_hand(file, &LAST),
    }
}

/// The time that the file told last.
static LAST: Mutex<Option<Timestamp>> = Mutex::new(None);

fn by_hand(file: &Path, last: &Mutex<Option<Timestamp>>) -> Timestamp {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match read(file) {
            Ok(time) => {
                *last = Some(time);
                return time;
            }
            Err(error) => why = error,
        }
        std::thread::sleep(PAUSE);
    }
    static TOLD: Once = Once::new();
    TOLD.call_once(|| tracing::error!(error = why, "{VARIABLE} tells no time: it stands still"));
    // A process that begins now has no other time.
    last.unwrap_or_else(now)
}

/// The time that a clock's file holds.
///
/// # Errors
///
/// When it cannot be read, or holds no RFC 3339 time: why, with the file's name.
pub fn read(file: &Path) -> Result<Timestamp, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string());
    let time = text.and_then(|text| {
        let time = text.trim().parse::<Timestamp>();
        time.map_err(|_| "expected a time such as 2026-11-05T12:00:00Z".to_string())
    });
    time.map_err(|why| format!("{}: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_tells_what_its_file_holds() {
        let file = std::env::temp_dir().join(format!("clock-{}", id()));
        assert!(read(&file).is_err_and(|why| why.contains("clock-")));
        for (text, expected) in [
            ("2030-01-02T03:04:05Z\n", Some("2030-01-02T03:04:05Z")),
            (
                "2030-01-02T03:04:05.678+01:00",
                Some("2030-01-02T02:04:05.678Z"),
            ),
            ("2030-01-02", None),
            ("", None),
        ] {
            fs::write(&file, text).unwrap();
            let told = read(&file).map(|time| time.to_string());
            assert_eq!(told.ok().as_deref(), expected, "{text:?}");
        }
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_clock_whose_file_is_being_written_waits_and_one_without_a_time_stands_still() {
        let file = std::env::temp_dir().join(format!("clock-{}", id()));
        let (first, last) = ("2030-01-02T03:04:05Z", Mutex::new(None));
        fs::write(&file, first).unwrap();
        assert_eq!(by_hand(&file, &last).to_string(), first);
        fs::write(&file, "").unwrap();
        assert_eq!(by_hand(&file, &last).to_string(), first);
        let second = "2031-01-02T03:04:05Z";
        let writer = std::thread::spawn({
            let file = file.clone();
            move || {
                std::thread::sleep(PAUSE * 3);
                fs::write(&file, second).unwrap();
            }
        });
        assert_eq!(by_hand(&file, &last).to_string(), second);
        writer.join().unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(by_hand(&file, &last).to_string(), second);
    }
}
