//! A stream gives the same frames however its bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use owlcoda_wire::sse::Decoder;

/// Small, so that the limit itself is met.
const MAX_LINE_BYTES: usize = 256;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = frames(bytes.chunks(bytes.len().max(1)));
    let cut = frames(bytes.chunks(usize::from(size).max(1)));
    // Past a limit it only has to stop: where it notices depends on the pieces.
    if let (Some(whole), Some(cut)) = (whole, cut) {
        assert_eq!(whole, cut);
    }
});

type Plain = Vec<(Option<Vec<u8>>, Vec<u8>)>;

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Plain> {
    let mut decoder = Decoder::new(MAX_LINE_BYTES);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame().ok()? {
            frames.push((frame.event.map(|event| event.to_vec()), frame.data.to_vec()));
        }
    }
    Some(frames)
}
