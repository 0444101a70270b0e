//! The rules of the format, and that no split of the bytes changes anything.

use proptest::prelude::*;

use super::*;

/// Event and data of each frame.
type Expected<'a> = &'a [(Option<&'a str>, &'a str)];

fn frames(pieces: &[&[u8]]) -> Result<Vec<(Option<String>, String)>, SseError> {
    let mut decoder = Decoder::new(1 << 20);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame()? {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            frames.push((frame.event.as_ref().map(text), text(&frame.data)));
        }
    }
    Ok(frames)
}

#[test]
fn every_form_the_standard_allows_is_read() {
    let cases: [(&str, &str, Expected<'_>); 11] = [
        ("LF", "data: a\n\ndata: b\n\n", &[(None, "a"), (None, "b")]),
        ("CRLF", "event: x\r\ndata: a\r\n\r\n", &[(Some("x"), "a")]),
        (
            "lone CR",
            "data: a\r\rdata: b\r\r",
            &[(None, "a"), (None, "b")],
        ),
        ("no space", "data:a\n\n", &[(None, "a")]),
        ("one space only is taken", "data:  a\n\n", &[(None, " a")]),
        (
            "several lines",
            "data: a\ndata: b\ndata\n\n",
            &[(None, "a\nb\n")],
        ),
        ("byte order mark", "\u{FEFF}data: a\n\n", &[(None, "a")]),
        ("comments", ": ping\n\ndata: a\n: more\n\n", &[(None, "a")]),
        (
            "unknown fields",
            "id: 1\nretry: 5\nfoo\ndata: a\n\n",
            &[(None, "a")],
        ),
        (
            "an event without data",
            "event: x\n\ndata: a\n\n",
            &[(None, "a")],
        ),
        ("a cut event", "data: a\n\ndata: b\n", &[(None, "a")]),
    ];
    for (label, bytes, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(event, data)| (event.map(str::to_owned), (*data).to_owned()))
            .collect();
        assert_eq!(frames(&[bytes.as_bytes()]).unwrap(), expected, "{label}");
    }
}

#[test]
fn a_line_past_the_limit_is_an_error_that_stays() {
    let mut decoder = Decoder::new(10);
    decoder.push(b"data: abcd\n\n");
    assert_eq!(decoder.next_frame().unwrap().unwrap().data, "abcd");
    decoder.push(b"data: abcdefgh");
    let error = SseError::TooLong { limit_bytes: 10 };
    assert_eq!(decoder.next_frame(), Err(error));
    decoder.push(b"\n\ndata: a\n\n");
    assert_eq!(decoder.next_frame(), Err(error));
}

#[test]
fn many_short_lines_of_one_event_are_limited_too() {
    let mut decoder = Decoder::new(10);
    decoder.push("data: abc\n".repeat(4).as_bytes());
    assert!(decoder.next_frame().is_err());
}

#[test]
fn a_single_data_line_is_not_copied() {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(b"data: abc\n\n");
    let start = decoder.buffer.as_ptr() as usize;
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!(frame.data.as_ptr() as usize, start + "data: ".len());
}

#[test]
fn the_end_tells_whether_something_was_cut_off() {
    let mut decoder = Decoder::new(100);
    decoder.push(b"data: a\n\n");
    assert!(decoder.next_frame().unwrap().is_some());
    assert!(!decoder.finish());
    decoder.push(b"data: b\n");
    assert_eq!(decoder.next_frame(), Ok(None));
    assert!(decoder.finish());
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data:".to_vec()),
        Just(b"event: x".to_vec()),
        Just(b": note".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        Just("{\"text\":\"é🦉\"}".as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_frames(
        bytes in any_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        let whole = frames(&[&bytes]);
        prop_assert_eq!(&frames(&pieces), &whole);
        prop_assert_eq!(&frames(&singles), &whole);
    }

    #[test]
    fn what_is_written_is_read_back(data in "[^\r]{0,80}", event in prop::option::of("[a-z_]{1,20}")) {
        let mut out = BytesMut::new();
        encode(&mut out, event.as_deref(), data.as_bytes());
        prop_assert_eq!(frames(&[&out]).unwrap(), vec![(event, data)]);
    }
}
