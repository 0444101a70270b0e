//! Server-sent events: bytes to frames and frames to bytes.
//!
//! The decoder follows the WHATWG rules: lines end in LF, CRLF or CR, split
//! anywhere; a byte order mark, comments and unknown fields are skipped; several
//! `data` lines are joined with LF; an event that the end cuts off is discarded.
//! `id` and `retry` are for browsers that reconnect, so they are read past.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use memchr::{memchr, memchr2};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The `event` field; a stream of chat chunks has none.
    pub event: Option<Bytes>,
    /// The `data` lines, joined with LF.
    pub data: Bytes,
}

/// Why a stream is not read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// A line, or the data lines of one event together, are past the limit.
    #[error("an event is longer than {limit_bytes} bytes")]
    TooLong {
        /// The limit that was given to the decoder.
        limit_bytes: usize,
    },
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    /// So many bytes at the start of `buffer` hold no end of line.
    scanned: usize,
    /// The last line ended in CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Nothing was read yet, so a byte order mark may come.
    at_start: bool,
    event: Option<Bytes>,
    data: Data,
    max_bytes: usize,
    failed: Option<SseError>,
}

/// The data of the event being read.
#[derive(Debug)]
enum Data {
    None,
    /// One line, shared with the buffer.
    Line(Bytes),
    /// Several, copied together.
    Lines(BytesMut),
}

impl Decoder {
    /// A decoder that fails when a line, or the data of one event, is longer.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            after_cr: false,
            at_start: true,
            event: None,
            data: Data::None,
            max_bytes: max_line_bytes,
            failed: None,
        }
    }

    /// Takes bytes in. Read all frames after each push: what is unread is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole frame, if its end has arrived. An error is final.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.skip_bom() {
            return Ok(None);
        }
        if let Some(frame) = self.next_plain_frame() {
            return Ok(Some(frame));
        }
        while let Some(line) = self.next_line()? {
            if let Some(frame) = self.on_line(line)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Ends the stream. Answers whether an unfinished event was thrown away.
    pub fn finish(&mut self) -> bool {
        let is_cut = !self.buffer.is_empty() || !matches!(self.data, Data::None);
        self.buffer.clear();
        self.scanned = 0;
        self.event = None;
        self.data = Data::None;
        is_cut
    }

    /// Whether reading may go on: false while the first bytes may yet be a mark.
    fn skip_bom(&mut self) -> bool {
        if !self.at_start {
            return true;
        }
        if self.buffer.len() < BOM.len() && BOM.starts_with(&self.buffer) {
            return false;
        }
        if self.buffer.starts_with(BOM) {
            self.buffer.advance(BOM.len());
        }
        self.at_start = false;
        true
    }

    /// The next frame where it is one line of data and the blank line after it, as nearly every frame
    /// of a model server is, and both are there. All others are read line by line.
    fn next_plain_frame(&mut self) -> Option<Frame> {
        const NAME: &[u8] = b"data:";
        let is_between = !self.after_cr && self.event.is_none() && matches!(self.data, Data::None);
        if !is_between || !self.buffer.starts_with(NAME) {
            return None;
        }
        let length = self.scanned + memchr2(b'\n', b'\r', self.buffer.get(self.scanned..)?)?;
        let is_end = self.buffer.get(length..)?.starts_with(b"\n\n");
        if !is_end || length > self.max_bytes {
            // What was looked through is not looked through again.
            self.scanned = length;
            return None;
        }
        let mut data = self.buffer.split_to(length).freeze();
        self.buffer.advance(2);
        self.scanned = 0;
        data.advance(NAME.len() + usize::from(data.get(NAME.len()) == Some(&b' ')));
        Some(Frame { event: None, data })
    }

    fn next_line(&mut self) -> Result<Option<Bytes>, SseError> {
        if self.after_cr && !self.buffer.is_empty() {
            if self.buffer.starts_with(b"\n") {
                self.buffer.advance(1);
            }
            self.after_cr = false;
        }
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(found) = memchr2(b'\n', b'\r', unseen) else {
            self.scanned = self.buffer.len();
            self.check(self.scanned)?;
            return Ok(None);
        };
        let length = self.scanned + found;
        self.check(length)?;
        let line = self.buffer.split_to(length).freeze();
        self.after_cr = self.buffer.starts_with(b"\r");
        self.buffer.advance(1);
        self.scanned = 0;
        Ok(Some(line))
    }

    fn on_line(&mut self, line: Bytes) -> Result<Option<Frame>, SseError> {
        if line.is_empty() {
            let event = self.event.take();
            let data = match std::mem::replace(&mut self.data, Data::None) {
                Data::None => return Ok(None),
                Data::Line(line) => line,
                Data::Lines(lines) => lines.freeze(),
            };
            return Ok(Some(Frame { event, data }));
        }
        let (name, value) = split_field(line);
        match &*name {
            b"data" => self.add_data(value)?,
            b"event" => self.event = Some(value),
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: Bytes) -> Result<(), SseError> {
        self.data = match std::mem::replace(&mut self.data, Data::None) {
            Data::None => Data::Line(value),
            Data::Line(first) => {
                let mut lines = BytesMut::with_capacity(first.len() + 1 + value.len());
                lines.put(first);
                lines.put_u8(b'\n');
                lines.put(value);
                Data::Lines(lines)
            }
            Data::Lines(mut lines) => {
                lines.put_u8(b'\n');
                lines.put(value);
                Data::Lines(lines)
            }
        };
        match &self.data {
            Data::Lines(lines) => self.check(lines.len()),
            Data::None | Data::Line(_) => Ok(()),
        }
    }

    fn check(&mut self, length: usize) -> Result<(), SseError> {
        if length <= self.max_bytes {
            return Ok(());
        }
        let error = SseError::TooLong {
            limit_bytes: self.max_bytes,
        };
        self.failed = Some(error);
        self.finish();
        Err(error)
    }
}

/// `name: value`, one space after the colon being no part of the value. A comment
/// has an empty name.
fn split_field(mut line: Bytes) -> (Bytes, Bytes) {
    let Some(colon) = memchr(b':', &line) else {
        return (line, Bytes::new());
    };
    let name = line.split_to(colon);
    line.advance(1);
    if line.starts_with(b" ") {
        line.advance(1);
    }
    (name, line)
}

/// Writes one event. `event` must have no line end; `data` may have some.
pub fn encode(out: &mut BytesMut, event: Option<&str>, data: &[u8]) {
    if let Some(event) = event {
        out.put_slice(b"event: ");
        out.put_slice(event.as_bytes());
        out.put_u8(b'\n');
    }
    let mut rest = data;
    // Most events are one line of JSON, which is copied whole.
    while let Some(end) = memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end);
        put_line(out, line);
        rest = after.get(1..).unwrap_or_default();
    }
    put_line(out, rest);
    out.put_u8(b'\n');
}

fn put_line(out: &mut BytesMut, line: &[u8]) {
    out.reserve(line.len() + 8);
    out.put_slice(b"data: ");
    out.put_slice(line);
    out.put_u8(b'\n');
}

#[cfg(test)]
mod tests;
