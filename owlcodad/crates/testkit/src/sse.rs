//! Reads a finished event stream, apart from the parser under test.
//!
//! Follows section 9.2.6 of the HTML standard, on a whole document at once and without limits.

/// The events in `bytes`: the name from the `event` field, if any, and the lines of `data`.
///
/// An event without its closing blank line does not count, and neither does one without data.
pub fn events(bytes: &[u8]) -> Vec<(Option<String>, String)> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // The last piece has no line end: it is empty or a line cut short, and so no line.
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();

    let mut events = Vec::new();
    let mut name = None;
    let mut data: Vec<&str> = Vec::new();
    for line in lines {
        if line.is_empty() {
            let name = name.take();
            if !data.is_empty() {
                events.push((name, data.join("\n")));
                data.clear();
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" if value.is_empty() => name = None,
            "event" => name = Some(value.to_owned()),
            "data" => data.push(value),
            // A comment has an empty name; the rest means nothing to our callers.
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    type Event = (Option<String>, String);

    fn event(name: Option<&str>, data: &str) -> Event {
        (name.map(str::to_owned), data.to_owned())
    }

    #[test]
    fn names_lines_comments_and_line_ends_are_read_as_the_standard_says() {
        let cases: [(&str, &str, Vec<Event>); 8] = [
            (
                "plain",
                "data: a\n\ndata:b\n\n",
                vec![event(None, "a"), event(None, "b")],
            ),
            (
                "named",
                "event: ping\ndata: {}\n\n",
                vec![event(Some("ping"), "{}")],
            ),
            (
                "a name lasts for one event",
                "event: x\n\ndata: a\n\n",
                vec![event(None, "a")],
            ),
            (
                "lines",
                "data: a\ndata:  b\ndata\n\n",
                vec![event(None, "a\n b\n")],
            ),
            (
                "comment",
                ": hi\nid: 1\ndata: a:b\n\n",
                vec![event(None, "a:b")],
            ),
            (
                "line ends",
                "data: a\r\n\r\ndata: b\r\r",
                vec![event(None, "a"), event(None, "b")],
            ),
            (
                "byte order mark",
                "\u{feff}data: a\n\n",
                vec![event(None, "a")],
            ),
            ("cut short", "data: a\n\ndata: b\n", vec![event(None, "a")]),
        ];
        for (label, text, expected) in cases {
            assert_eq!(events(text.as_bytes()), expected, "{label}");
        }
    }
}
