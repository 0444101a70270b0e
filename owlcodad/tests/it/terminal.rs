//! What a person sees at a terminal: `owlctl top` in place, at every width, and after a resize.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use owlcoda_testkit::{DEADLINE, FakeUpstream, Script, binary, http};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::process::{ended, program, signal};
use crate::world::{MODEL, Route, start_before};

/// What begins each drawing.
const DRAWING: &[u8] = b"\x1b[H";

/// A terminal with a screen. A program has its other end until it is ended.
pub(crate) struct Terminal {
    ours: std::fs::File,
    output: Receiver<Vec<u8>>,
    theirs: Option<std::fs::File>,
    pub(crate) screen: vt100::Parser,
    n_columns: u16,
    n_rows: u16,
    /// What has come and is not on the screen yet.
    pending: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new(n_columns: u16, n_rows: u16) -> Self {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let mut options = std::fs::OpenOptions::new();
        let theirs = options.read(true).write(true).open(name.to_str().unwrap());
        let ours = std::fs::File::from(ours);
        let output = output_of(ours.try_clone().unwrap());
        let mut terminal = Self {
            ours,
            output,
            theirs: Some(theirs.unwrap()),
            screen: vt100::Parser::new(n_rows, n_columns, 0),
            n_columns,
            n_rows,
            pending: Vec::new(),
        };
        terminal.resize(n_columns, n_rows);
        terminal
    }

    /// The end for a program.
    pub(crate) fn stdio(&self) -> Stdio {
        Stdio::from(self.theirs.as_ref().unwrap().try_clone().unwrap())
    }

    /// No program is to be started on it any more.
    pub(crate) fn close(&mut self) {
        self.theirs = None;
    }

    pub(crate) fn resize(&mut self, n_columns: u16, n_rows: u16) {
        let size = Winsize {
            ws_row: n_rows,
            ws_col: n_columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.ours, size).unwrap();
        self.screen.screen_mut().set_size(n_rows, n_columns);
        (self.n_columns, self.n_rows) = (n_columns, n_rows);
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Shows what comes until the screen has this text.
    pub(crate) fn until(&mut self, text: &str) {
        let pending = std::mem::take(&mut self.pending);
        self.screen.process(&pending);
        while !self.screen.screen().contents().contains(text) {
            let bytes = self.output.recv_timeout(DEADLINE);
            let bytes = bytes.unwrap_or_else(|_| {
                panic!("waited for {text:?}:\n{}", self.screen.screen().contents())
            });
            self.screen.process(&bytes);
        }
    }

    /// Shows what comes up to the beginning of a drawing, `n_drawings` times, and gives back the whole of
    /// the one before that.
    fn whole_drawing(&mut self, n_drawings: usize) -> Vec<u8> {
        let mut last = Vec::new();
        for _ in 0..n_drawings {
            let end = loop {
                // Behind the beginning of what is pending: that one is shown whole.
                let behind = self.pending.get(1..).unwrap_or_default();
                match behind.windows(DRAWING.len()).position(|it| it == DRAWING) {
                    Some(at) => break at + 1,
                    None => self
                        .pending
                        .extend(self.output.recv_timeout(DEADLINE).unwrap()),
                }
            };
            last = self.pending.drain(..end).collect();
            self.screen.process(&last);
        }
        last
    }

    /// Drawings that have come and are not on the screen yet.
    fn n_waiting(&mut self) -> usize {
        while let Ok(bytes) = self.output.try_recv() {
            self.pending.extend(bytes);
        }
        let places = self.pending.windows(DRAWING.len());
        places.filter(|it| *it == DRAWING).count()
    }

    fn rows(&self) -> Vec<String> {
        rows(&self.screen, self.n_columns)
    }

    /// Shows the rest, until the program has ended.
    fn rest(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.screen.process(&pending);
        while let Ok(bytes) = self.output.recv_timeout(DEADLINE) {
            self.screen.process(&bytes);
        }
    }
}

fn rows(screen: &vt100::Parser, n_columns: u16) -> Vec<String> {
    let rows = screen.screen().rows(0, n_columns);
    rows.map(|row| row.trim_end().to_owned()).collect()
}

/// What comes out of a terminal, as it comes; ends with the program.
fn output_of(mut ours: std::fs::File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // A terminal whose last program has ended is an error on Linux.
        while let Ok(n_bytes @ 1..) = ours.read(&mut bytes) {
            if sender.send(bytes[..n_bytes].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The screen is what the last drawing alone makes of an empty one: nothing is left of those before it.
fn assert_no_residue(terminal: &mut Terminal) -> Vec<String> {
    // Those that wait, and the first one after them, may have been made before a change of size.
    let n_waiting = terminal.n_waiting();
    let drawing = terminal.whole_drawing(n_waiting + 3);
    let (n_columns, n_rows) = (terminal.n_columns, terminal.n_rows);
    let mut clean = vt100::Parser::new(n_rows, n_columns, 0);
    clean.process(&drawing);
    let shown = terminal.rows();
    assert_eq!(shown, rows(&clean, n_columns), "{n_columns} x {n_rows}");
    assert!(shown[0].starts_with("owlcodad "), "{shown:?}");
    shown
}

/// What stands on a terminal of this width, with one model and three calls, also after it was resized.
fn look_on(terminal: &mut Terminal, n_columns: u16) {
    terminal.until("3 calls (0 failed)");
    assert!(terminal.screen.screen().alternate_screen());
    assert!(terminal.screen.screen().hide_cursor());
    let n_rows_of_model = |shown: &[String]| shown.iter().filter(|row| row.contains(MODEL)).count();
    let shown = assert_no_residue(terminal);
    assert!(shown[1].contains(" under way"), "{shown:?}");
    assert_eq!(n_rows_of_model(&shown), 4, "{shown:?}");
    if n_columns != 80 {
        assert_eq!(shown[1].ends_with('…'), n_columns == 40, "{shown:?}");
    }
    // Narrower and lower, where not all of it fits, then larger than before.
    terminal.resize(n_columns / 2, 6);
    let shown = assert_no_residue(terminal);
    assert!(shown[5].contains("more lines"), "{shown:?}");
    terminal.resize(n_columns + 30, 40);
    let shown = assert_no_residue(terminal);
    assert_eq!(n_rows_of_model(&shown), 4, "{shown:?}");
    let is_cut = |row: &String| row.contains("more lines");
    assert!(!shown.iter().any(is_cut), "{shown:?}");
}

// A terminal is waited for on the thread of the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_stands_in_place_at_every_width_after_calls_and_after_a_resize() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("An owl."));
    let mut daemon = start_before(&upstream).await;
    let mut looking = Vec::new();
    for n_columns in [40, 80, 120] {
        let mut terminal = Terminal::new(n_columns, 24);
        terminal.screen.process(b"$ owlctl top\r\n");
        let mut command = program(&binary("owlctl"));
        command
            .env("OWLCODA_HOME", daemon.home())
            .env("TERM", "xterm")
            .arg("top")
            .stdout(terminal.stdio())
            .stderr(terminal.stdio());
        let child = command.spawn().unwrap();
        drop(command);
        terminal.close();
        looking.push((terminal, child, n_columns));
    }
    // Rows that come, and one line that gets longer.
    for (terminal, ..) in &mut looking {
        terminal.until("0 calls (0 failed)");
    }
    for _ in 0..3 {
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
    }
    std::thread::scope(|scope| {
        for (terminal, _, n_columns) in &mut looking {
            scope.spawn(|| look_on(terminal, *n_columns));
        }
    });
    // Two lines in place of many.
    daemon.kill9().await;
    std::thread::scope(|scope| {
        for (terminal, ..) in &mut looking {
            scope.spawn(|| {
                terminal.until("owlcodad  not running");
                let shown = assert_no_residue(terminal);
                assert!(shown[1].starts_with("  ! "), "{shown:?}");
                assert!(shown[2..].iter().all(String::is_empty), "{shown:?}");
            });
        }
    });
    for (mut terminal, child, n_columns) in looking {
        signal(child.id().unwrap(), Signal::INT);
        assert_eq!(ended(child).await.status, Some(130));
        terminal.rest();
        let screen = terminal.screen.screen();
        assert!(
            !screen.alternate_screen() && !screen.hide_cursor(),
            "{n_columns}"
        );
        assert!(screen.contents().starts_with("$ owlctl top"), "{n_columns}");
    }
}
