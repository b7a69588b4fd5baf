//! Times: RFC 3339, to the letter.

use jiff::{SignedDuration, Timestamp, civil};

const EXPECTED: &str = "expected RFC 3339, such as 2023-04-19T09:00:00Z";

/// Checks a time by the grammar of RFC 3339, section 5.6.
///
/// Where the RFC leaves a choice: `t` and `z` may be in lower case, as its
/// grammar has it; a blank in the place of `T`, which it allows to others, may
/// not stand. A leap second is taken where one can be: at 23:59:60 UTC on the
/// last day of a month. A fraction has at most nine digits, which the RFC does
/// not bound: no reader tells more than nanoseconds.
///
/// # Errors
///
/// What was expected.
pub fn rfc3339(time: &str) -> Result<(), String> {
    let bytes = time.as_bytes();
    // 2023-04-19T09:00:00
    let (Some(local), Some(rest)) = (bytes.get(..19), time.get(19..)) else {
        return Err(EXPECTED.into());
    };
    let is_shaped = local
        .iter()
        .zip(b"0000-00-00T00:00:00")
        .all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'T' => byte.eq_ignore_ascii_case(like),
            _ => byte == like,
        });
    if !is_shaped {
        return Err(EXPECTED.into());
    }
    let number = |from: usize, to: usize| {
        let digits = bytes[from..to].iter();
        digits.fold(0i16, |number, digit| number * 10 + i16::from(digit - b'0'))
    };
    let part = |from: usize| number(from, from + 2) as i8;
    let minutes = offset(after_fraction(rest)?).ok_or(EXPECTED)?;
    let (second, is_leap) = match part(17) {
        60 => (59, true),
        second => (second, false),
    };
    let local = civil::DateTime::new(
        number(0, 4),
        part(5),
        part(8),
        part(11),
        part(14),
        second,
        0,
    );
    let local = local.map_err(|_| "has a day, or a time of day, that does not exist")?;
    if is_leap && !may_leap(local, minutes) {
        return Err("has a leap second where none can be: at the end of a month, in UTC".into());
    }
    Ok(())
}

/// The moment of a time that was taken. The last hours of the year 9999 are
/// beyond jiff's range and stand at its end; a leap second is the one before it.
pub(crate) fn moment(time: &str) -> Option<Timestamp> {
    let is_last = time.starts_with("9999-12-3") && rfc3339(time).is_ok();
    let parsed = time.parse().ok();
    parsed.or(is_last.then_some(Timestamp::MAX))
}

fn after_fraction(rest: &str) -> Result<&str, String> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Ok(rest);
    };
    let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    match fraction.len() - zone.len() {
        0 => Err(EXPECTED.into()),
        1..=9 => Ok(zone),
        _ => Err("has a fraction of more than 9 digits".into()),
    }
}

/// How many minutes local time is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    match zone.as_bytes() {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let number = |tens: &u8, ones: &u8| {
                let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
                digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            };
            let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
            let ahead = hours * 60 + minutes;
            let is_one = hours <= 23 && minutes <= 59;
            is_one.then_some(if *sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

fn may_leap(local: civil::DateTime, minutes: i64) -> bool {
    let utc = local.checked_sub(SignedDuration::from_mins(minutes));
    utc.is_ok_and(|utc| {
        let is_last = utc.date() == utc.date().last_of_month();
        is_last && (utc.hour(), utc.minute()) == (23, 59)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_that_is_taken_is_a_moment() {
        for time in [
            "2023-04-19t09:00:00z",
            "0000-01-01T00:00:00+23:59",
            "2016-12-31T23:59:60Z",
            "2023-04-19T09:00:00.123456789-00:00",
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:59-23:59",
            "9999-12-30T22:00:01Z",
        ] {
            assert_eq!(rfc3339(time), Ok(()), "{time}");
            assert!(moment(time).is_some(), "{time}");
        }
        assert_eq!(moment("yesterday"), None);
    }
}
