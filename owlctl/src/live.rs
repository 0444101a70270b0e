//! A view that is drawn over itself while a person looks on, and leaves the terminal as it was.

use std::time::Duration;

use rustix::termios::tcgetwinsize;

use crate::colour::Colours;
use crate::screen;
use crate::width;

/// Between two drawings.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// Another screen than the one with the shell's lines, and no cursor on it.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";

/// The shell's screen again, with its cursor.
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// The terminal while a view is on it. Dropped, it is as it was before.
#[derive(Debug)]
pub(crate) struct LiveScreen {
    colours: Colours,
}

impl LiveScreen {
    /// Takes the terminal; none where nobody looks on any more.
    pub(crate) fn enter(colours: Colours) -> Option<Self> {
        screen::print(ENTER).then_some(Self { colours })
    }

    /// Shows `text` in place of what was there. False where nobody looks on any more.
    pub(crate) fn draw(&self, text: &str) -> bool {
        let (n_columns, n_rows) = size();
        screen::print(&frame(text, n_columns, n_rows, self.colours))
    }
}

impl Drop for LiveScreen {
    fn drop(&mut self) {
        screen::print(LEAVE);
    }
}

/// Columns and rows of the terminal; 80 and 24 where it does not say.
fn size() -> (usize, usize) {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// What makes a terminal show `text` and nothing of before. Lines are cut at its width; where there are
/// more than rows, the last row says how many are missing.
fn frame(text: &str, n_columns: usize, n_rows: usize, colours: Colours) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let (shown, n_missing) = if lines.len() > n_rows {
        let n_shown = n_rows.saturating_sub(1);
        (lines.get(..n_shown), lines.len() - n_shown)
    } else {
        (Some(&*lines), 0)
    };
    let more = (n_missing > 0).then(|| format!("… {n_missing} more lines"));
    let mut drawing = "\u{1b}[H".to_owned();
    let rows = shown.into_iter().flatten().copied().chain(more.as_deref());
    for (row_idx, line) in rows.enumerate() {
        if row_idx > 0 {
            drawing.push_str("\r\n");
        }
        // What was in the row goes first: a line that fills it leaves the cursor in its last column.
        drawing.push_str("\u{1b}[K");
        drawing.push_str(&colours.painted(&width::clipped(line, n_columns)));
    }
    // The rest of the screen, from the row after the last.
    if lines.len() < n_rows {
        drawing.push_str("\r\n\u{1b}[J");
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = include_str!("../tests/golden/status.snap");
    const IDLE: &str = include_str!("../tests/golden/status_idle.snap");
    const TOP: &str = include_str!("../tests/golden/top.snap");

    /// What a terminal shows after these drawings, without spaces at the ends of lines.
    fn seen(texts: &[&str], n_columns: u16, n_rows: u16, colours: Colours) -> Vec<String> {
        let mut terminal = vt100::Parser::new(n_rows, n_columns, 0);
        for text in texts {
            let drawing = frame(text, n_columns.into(), n_rows.into(), colours);
            terminal.process(drawing.as_bytes());
        }
        let rows = terminal.screen().rows(0, n_columns);
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// The lines of `text` as a terminal of this size can show them.
    fn expected(text: &str, n_columns: usize, n_rows: usize) -> Vec<String> {
        let lines = text.lines().map(|line| width::clipped(line, n_columns));
        let mut lines: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
        if lines.len() > n_rows {
            let n_missing = lines.len() - (n_rows - 1);
            lines.truncate(n_rows - 1);
            lines.push(format!("… {n_missing} more lines"));
        }
        lines.resize(n_rows, String::new());
        lines
    }

    #[test]
    fn each_drawing_replaces_the_one_before_without_residue() {
        for n_columns in [40, 80, 120] {
            for n_rows in [6, 16, 40] {
                for colours in [Colours::Off, Colours::On] {
                    let at = |texts: &[&str]| seen(texts, n_columns, n_rows, colours);
                    for texts in [
                        [STATUS, IDLE],
                        [IDLE, STATUS],
                        [STATUS, STATUS],
                        [STATUS, TOP],
                        [TOP, IDLE],
                    ] {
                        let last = expected(texts[1], n_columns.into(), n_rows.into());
                        assert_eq!(at(&texts), last, "{n_columns} x {n_rows}");
                    }
                }
            }
        }
    }

    #[test]
    fn wide_characters_and_full_rows_do_not_wrap() {
        let text = format!("{}\n{}\nend\n", "猫".repeat(30), "x".repeat(40));
        let rows = seen(&["first\nsecond\n", &text], 40, 4, Colours::Off);
        let cats = format!("{}…", "猫".repeat(19));
        assert_eq!(rows, [&*cats, &"x".repeat(40), "end", ""]);
    }
}
