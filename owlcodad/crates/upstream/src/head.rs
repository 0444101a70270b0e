//! What the head of an answer says beside its status: when to come back, and how the model server
//! calls the request.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// Where model servers and what stands before them say how they call a request, best first.
const REQUEST_IDS: [&str; 5] = [
    "x-request-id",
    "request-id",
    "anthropic-request-id",
    "x-amzn-requestid",
    "cf-ray",
];

/// The model server's name of a call. A server that sends a secret of `ours` back gets none.
pub(crate) fn request_id(theirs: &HeaderMap, ours: &HeaderMap) -> Option<String> {
    let given = REQUEST_IDS.iter().find_map(|name| theirs.get(*name))?;
    let id = owlcoda_types::request_id_of(given.to_str().ok()?)?;
    let secrets = ours.values().filter(|value| value.is_sensitive());
    let is_secret = secrets
        .filter_map(|value| value.to_str().ok())
        .flat_map(str::split_ascii_whitespace)
        .any(|secret| secret.contains(id) || id.contains(secret));
    (!is_secret).then(|| id.to_owned())
}

/// Every field as text; what is marked as sensitive is masked.
pub(crate) fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let fields = headers.iter().map(|(name, value)| {
        let text = if value.is_sensitive() {
            "***".to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        (name.as_str().to_owned(), text)
    });
    fields.collect()
}

/// `Retry-After`: seconds, or a time, which is held against the server's own clock.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let given = text(RETRY_AFTER)?;
    let secs = match given.parse() {
        Ok(secs) => secs,
        Err(_) => http_date(given)?.saturating_sub(http_date(text(DATE)?)?),
    };
    Some(Duration::from_secs(secs))
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that a server may
/// send (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let mut fields = rest.strip_suffix(" GMT")?.split(' ');
    let day: u64 = fields.next()?.parse().ok()?;
    let name = fields.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64;
    let year: u64 = fields.next()?.parse().ok()?;
    let mut clock = fields.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    let is_date = (1..=31).contains(&day) && (1970..10_000).contains(&year);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = match month {
        0 | 1 => (year - 1, month + 10),
        _ => (year, month - 2),
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let since_1970 = days.checked_sub(DAYS_BEFORE_1970)?;
    Some(((since_1970 * 24 + hour) * 60 + minute) * 60 + second)
}

/// What the sum of days is on the first of January 1970.
const DAYS_BEFORE_1970: u64 = 719_469;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        fields.collect()
    }

    #[test]
    fn a_date_is_told_in_seconds_since_1970() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Tue, 24 Nov 2026 11:30:00 GMT", Some(1_795_519_800)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 25:49:37 GMT", None),
            ("Sun, 06 Non 1994 08:49:37 GMT", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_time_by_the_servers_clock() {
        let now = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let cases: [(&[_], Option<u64>); 6] = [
            (&[("retry-after", "17")], Some(17)),
            (
                &[now, ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")],
                Some(60),
            ),
            (
                &[now, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")],
                Some(0),
            ),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], None),
            (&[now, ("retry-after", "soon")], None),
            (&[now], None),
        ];
        for (fields, expected) in cases {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&head(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn the_best_id_is_taken_and_none_that_repeats_a_secret() {
        let mut key = http::HeaderValue::from_static("Bearer sk-secret");
        key.set_sensitive(true);
        let ours: HeaderMap = [(http::header::AUTHORIZATION, key)].into_iter().collect();
        let cases: [(&[_], Option<&str>); 5] = [
            (&[("cf-ray", "1-FRA"), ("request-id", "r")], None),
            (
                &[("cf-ray", "1-FRA"), ("request-id", "req-1")],
                Some("req-1"),
            ),
            (&[("cf-ray", "1-FRA")], Some("1-FRA")),
            (&[("x-request-id", "x-sk-secret-x")], None),
            (&[], None),
        ];
        for (fields, expected) in cases {
            let found = request_id(&head(fields), &ours);
            assert_eq!(found.as_deref(), expected, "{fields:?}");
        }
    }
}
