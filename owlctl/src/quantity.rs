//! Times, durations, counts and sizes: short for people, exact for JSON.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The moment of a protocol time in Unix milliseconds; none where it is unset or out of range.
pub(crate) fn moment(unix_ms: i64) -> Option<Timestamp> {
    Some(unix_ms)
        .filter(|ms| *ms != 0)
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

/// RFC 3339 in UTC, for JSON.
pub(crate) fn rfc_3339(unix_ms: i64) -> Option<String> {
    moment(unix_ms).map(|moment| moment.to_string())
}

/// Date and time of day on the reader's clock.
pub(crate) fn local_time(unix_ms: i64, zone: &TimeZone) -> String {
    moment(unix_ms).map_or_else(String::new, |moment| {
        let local = moment.to_zoned(zone.clone());
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    })
}

/// Seconds with their fraction, for JSON.
pub(crate) fn secs(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// Millionths as a fraction, for JSON.
pub(crate) fn millionths(n: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a cost of billions may lose its last millionth"
    )]
    let n = n as f64;
    n / 1e6
}

/// A duration in its one or two largest units: `340ms`, `1.2s`, `2m 5s`, `3d 4h`.
pub(crate) fn span(ms: u64) -> String {
    let secs = ms / 1000;
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{secs}.{}s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{}m {}s", secs / 60, secs % 60),
        3_600_000..86_400_000 => format!("{}h {}m", secs / 3600, secs / 60 % 60),
        _ => format!("{}d {}h", secs / 86_400, secs / 3600 % 24),
    }
}

/// A length of time that somebody typed, in milliseconds.
pub(crate) fn parse_duration(text: &str) -> Result<u64, String> {
    let ms = text.strip_suffix("ms").and_then(|text| text.parse().ok());
    let span = || {
        let span = parse_span(text)?;
        u64::try_from(span.as_millis()).ok()
    };
    let duration = ms.or_else(span).filter(|ms| *ms > 0);
    duration.ok_or_else(|| "not a length of time: write 500ms, 5s, 2m, 1h or 1d".to_owned())
}

/// A duration in microseconds, as [`span`] shows it, and below a millisecond exactly.
pub(crate) fn micros(us: u64) -> String {
    if us < 1000 {
        return format!("{us}us");
    }
    span(us / 1000)
}

/// A span of time as people write it: `90s`, `10m`, `2h`, `1d`.
fn parse_span(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let secs = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    Some(Duration::from_secs(number.saturating_mul(secs)))
}

/// A length of time that somebody typed, which may be none: `0s`.
pub(crate) fn parse_grace(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "not a span of time: write 90s, 10m, 2h or 1d".to_owned())
}

/// A whole number with its thousands apart: `214,331`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (digit_idx, digit) in digits.chars().enumerate() {
        if digit_idx > 0 && (digits.len() - digit_idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 model`, `2 models`: a count with the word it counts.
pub(crate) fn of(n: u64, word: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {word}{plural}", count(n))
}

/// A size in bytes with a binary unit: `512 B`, `96.0 MiB`.
pub(crate) fn size(n_bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let whole = n_bytes >> shift;
        if whole > 0 {
            let tenth = ((n_bytes >> (shift - 10)) & 1023) * 10 / 1024;
            return format!("{whole}.{tenth} {unit}");
        }
    }
    format!("{n_bytes} B")
}

/// A time that somebody typed, as Unix time in milliseconds: a span before now, a date, which begins
/// at midnight here, or a time with its zone.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    if let Some(span) = parse_span(text) {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        return Ok(Timestamp::now().as_millisecond().saturating_sub(span));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let date = text
        .parse::<jiff::civil::Date>()
        .ok()
        .filter(|_| text.len() <= "2026-11-20".len());
    let begin = date.and_then(|date| date.to_zoned(TimeZone::system()).ok());
    begin
        .map(|begin| begin.timestamp().as_millisecond())
        .ok_or_else(|| {
            "not a time: write 2h (90s, 10m, 1d), 2026-11-20, or 2026-11-20T08:00:00Z".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_largest_units() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_250, "1.2s"),
            (59_999, "59.9s"),
            (125_000, "2m 5s"),
            (3_600_000 * 4 + 60_000 * 12, "4h 12m"),
            (86_400_000 * 3 + 3_600_000 * 4, "3d 4h"),
        ] {
            assert_eq!(span(ms), text, "{ms}");
        }
    }

    #[test]
    fn a_short_time_is_told_to_the_microsecond() {
        assert_eq!(
            [0, 999, 1000, 1_424_605].map(micros),
            ["0us", "999us", "1ms", "1.4s"]
        );
    }

    #[test]
    fn counts_and_sizes_are_readable() {
        assert_eq!(
            [0, 999, 1_000, 214_331, 12_345_678].map(count),
            ["0", "999", "1,000", "214,331", "12,345,678"]
        );
        assert_eq!(
            [512, 1_536, 96 << 20, 5 << 40].map(size),
            ["512 B", "1.5 KiB", "96.0 MiB", "5.0 TiB"]
        );
        assert_eq!(
            (of(1, "model"), of(2, "model")),
            ("1 model".into(), "2 models".into())
        );
    }

    #[test]
    fn a_time_that_is_unset_or_impossible_is_no_time() {
        assert_eq!(rfc_3339(0), None);
        assert_eq!(rfc_3339(i64::MAX), None);
        assert_eq!(
            rfc_3339(1_700_000_000_123).as_deref(),
            Some("2023-11-14T22:13:20.123Z")
        );
        assert_eq!(
            local_time(1_700_000_000_123, &TimeZone::fixed(jiff::tz::offset(2))),
            "2023-11-15 00:13:20"
        );
    }

    #[test]
    fn a_span_is_read_in_each_unit_and_nothing_else_is() {
        for (text, secs) in [
            ("0s", 0),
            ("90s", 90),
            ("10m", 600),
            ("2h", 7200),
            ("1d", 86_400),
        ] {
            assert_eq!(parse_span(text), Some(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "s", "10", "-1m", "1.5h", "1w", "ten m", "1é"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    #[test]
    fn a_length_of_time_is_more_than_nothing_and_has_its_unit() {
        assert_eq!(parse_duration("250ms"), Ok(250));
        assert_eq!(parse_duration("5s"), Ok(5_000));
        for text in ["", "5", "0s", "0ms", "-1s", "1.5s", "fast"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_a_span_before_now_a_date_or_a_time_with_its_zone() {
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), Ok(1500));
        let ago = parse_time("2h").unwrap() - parse_time("1h").unwrap();
        assert!((-3_700_000..=-3_600_000).contains(&ago), "{ago}");
        assert_eq!(parse_time("1970-01-01T01:00:00+01:00"), Ok(0));
        let day = 86_400_000;
        assert_eq!(
            parse_time("2026-11-21").unwrap() - parse_time("2026-11-20").unwrap(),
            day
        );
        for text in ["", "yesterday", "2026-11-20 08:00", "2026-13-01"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
