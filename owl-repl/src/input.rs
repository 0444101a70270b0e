//! Standard input, line by line, with a bound on each line.
//!
//! A thread reads, because a read of a terminal cannot be cancelled; it ends with the process. The
//! channel holds one line, so nobody types far ahead into memory.

use std::io::{self, BufRead, Read as _};

use tokio::sync::mpsc;

/// Most bytes that are sent as one input; the protocol's messages hold 4 MiB.
pub(crate) const MAX_INPUT_BYTES: usize = 1 << 20;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// One line, without its end.
    Line(String),
    /// A line past [`MAX_INPUT_BYTES`]; it is dropped whole.
    TooLong,
}

/// Starts to read lines. The channel ends where the input does.
pub(crate) fn lines() -> io::Result<mpsc::Receiver<io::Result<Typed>>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(typed) = next_line(&mut input, MAX_INPUT_BYTES).transpose() {
                let is_over = typed.is_err();
                if sender.blocking_send(typed).is_err() || is_over {
                    return;
                }
            }
        })?;
    Ok(receiver)
}

/// All of standard input as one prompt; none where it is larger than [`MAX_INPUT_BYTES`].
pub(crate) fn whole() -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_INPUT_BYTES).unwrap_or(u64::MAX);
    io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= MAX_INPUT_BYTES).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The next line of at most `max_bytes`, or none at the end. Bytes that are no UTF-8 are replaced.
fn next_line(input: &mut impl BufRead, max_bytes: usize) -> io::Result<Option<Typed>> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() && line.is_empty() && !is_too_long {
            return Ok(None);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let is_over = chunk.is_empty() || end.is_some();
        let n_bytes = end.unwrap_or(chunk.len());
        is_too_long |= line.len() + n_bytes > max_bytes;
        if is_too_long {
            line = Vec::new();
        } else {
            line.extend(chunk.iter().take(n_bytes));
        }
        input.consume(n_bytes + usize::from(end.is_some()));
        if is_over {
            break;
        }
    }
    if is_too_long {
        return Ok(Some(Typed::TooLong));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(Typed::Line(
        String::from_utf8_lossy(&line).into_owned(),
    )))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all_lines(bytes: &[u8], n_buffer_bytes: usize) -> Vec<Typed> {
        let mut input = BufReader::with_capacity(n_buffer_bytes, bytes);
        std::iter::from_fn(|| next_line(&mut input, 8).unwrap()).collect()
    }

    #[test]
    fn lines_come_whole_whatever_the_size_of_a_read() {
        let line = |text: &str| Typed::Line(text.to_owned());
        for n_buffer_bytes in 1..20 {
            assert_eq!(
                all_lines(b"one\r\n\nsix\xff\nlast", n_buffer_bytes),
                [line("one"), line(""), line("six\u{fffd}"), line("last")],
                "{n_buffer_bytes}"
            );
        }
    }

    #[test]
    fn a_line_past_the_bound_is_dropped_whole_and_the_next_one_is_fine() {
        for n_buffer_bytes in 1..20 {
            assert_eq!(
                all_lines(b"12345678\n123456789\nok\n123456789012", n_buffer_bytes),
                [
                    Typed::Line("12345678".to_owned()),
                    Typed::TooLong,
                    Typed::Line("ok".to_owned()),
                    Typed::TooLong
                ],
                "{n_buffer_bytes}"
            );
        }
    }
}
