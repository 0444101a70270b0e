//! Values that are read in one walk through a document.
//!
//! The walk takes what is right. Where something is wrong or written in a way that nobody writes, it
//! ends, and the document is read with serde: that knows how to say what is wrong and where. Both ways
//! must come to the same value.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Number;
use serde_json::value::RawValue;

use super::Scan;
use super::raw::RawJson;
use super::text::JsonText;

/// What can be read off a walk.
pub(crate) trait FromScan: Sized {
    /// The value that comes next. None where the walk ends.
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self>;
}

/// The value of a whole document.
pub(crate) fn scanned<T: FromScan>(document: &Bytes) -> Option<T> {
    let document = ByteString::try_from(document.clone()).ok()?;
    let mut scan = Scan::keeping(&document);
    let value = T::from_scan(&mut scan)?;
    scan.is_at_end().then_some(value)
}

impl FromScan for bool {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        match scan.peek()? {
            b't' => scan.word("true").map(|()| true),
            _ => scan.word("false").map(|()| false),
        }
    }
}

impl FromScan for u64 {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        // What is no whole number does not parse, as `1.0` and `1e3` do not for serde.
        scan.number_text()?.parse().ok()
    }
}

impl FromScan for Number {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        serde_json::from_str(scan.number_text()?).ok()
    }
}

impl FromScan for String {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.decoded().map(Cow::into_owned)
    }
}

impl FromScan for JsonText {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.text()
    }
}

impl FromScan for RawJson {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.kept_value()
    }
}

impl FromScan for Box<RawValue> {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.raw().map(ToOwned::to_owned)
    }
}

impl<T: FromScan> FromScan for Vec<T> {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        let mut items = Self::new();
        scan.items(|scan| {
            items.push(T::from_scan(scan)?);
            Some(())
        })?;
        Some(items)
    }
}

/// Null is none.
impl<T: FromScan> FromScan for Option<T> {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        if scan.peek()? == b'n' {
            return scan.word("null").map(|()| None);
        }
        T::from_scan(scan).map(Some)
    }
}
