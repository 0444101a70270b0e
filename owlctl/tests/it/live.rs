//! `owlctl status -w` on a terminal and in a pipe.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use owlcoda_proto::v1::StatusResponse;
use owlcoda_testkit::control::{Answers, Served};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Longest wait for what should come at once.
const DEADLINE: Duration = Duration::from_secs(30);

fn served() -> Served {
    let status = StatusResponse {
        version: "9.8.7".to_owned(),
        state: "running".to_owned(),
        problems: vec!["endpoint `vllm` is down: start it".to_owned()],
        ..StatusResponse::default()
    };
    Served::with(Answers {
        status: Ok(status),
        ..Answers::default()
    })
}

fn watching(daemon: &Served) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_owlctl"));
    command
        .env_clear()
        .env("HOME", daemon.socket().parent().unwrap())
        .env("TERM", "xterm")
        .arg("--socket")
        .arg(daemon.socket())
        .args(["status", "-w"])
        .stdin(Stdio::null());
    command
}

fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.unwrap(), Signal::INT).unwrap();
}

/// A terminal of this size: our end, and the one for a program.
fn terminal(n_columns: u16, n_rows: u16) -> (OwnedFd, std::fs::File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let size = Winsize {
        ws_row: n_rows,
        ws_col: n_columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size).unwrap();
    (ours, theirs)
}

/// What comes out of a terminal, as it comes; ends with the program.
fn output_of(ours: OwnedFd) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut ours = std::fs::File::from(ours);
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

#[test]
fn on_a_terminal_the_status_stands_in_place_and_ctrl_c_gives_the_terminal_back() {
    let daemon = served();
    for (n_columns, colour, option) in [
        (40, true, None),
        (80, false, Some("--no-color")),
        (120, false, None),
    ] {
        let (ours, theirs) = terminal(n_columns, 24);
        let output = output_of(ours);
        let mut command = watching(&daemon);
        command.args(option);
        if !colour && option.is_none() {
            command.env("NO_COLOR", "1");
        }
        let mut child = command
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs)
            .spawn()
            .unwrap();
        // The program's end is the last one that is open.
        drop(command);
        let mut terminal = vt100::Parser::new(24, n_columns, 0);
        terminal.process(b"$ owlctl status -w\r\n");
        let mut all = Vec::new();
        while !terminal.screen().contents().contains("  ! endpoint `vllm`") {
            let bytes = output.recv_timeout(DEADLINE).unwrap();
            terminal.process(&bytes);
            all.extend(bytes);
        }
        let screen = terminal.screen();
        assert!(screen.alternate_screen() && screen.hide_cursor());
        assert!(screen.contents().starts_with("owlcodad 9.8.7  running"));
        let is_painted = all.windows(5).any(|bytes| bytes == b"\x1b[33m");
        assert_eq!(is_painted, colour);
        interrupt(&child);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        while let Ok(bytes) = output.recv_timeout(DEADLINE) {
            terminal.process(&bytes);
        }
        let screen = terminal.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(screen.contents().starts_with("$ owlctl status -w"));
    }
}

#[test]
fn in_a_pipe_each_change_is_one_line_and_the_end_of_the_daemon_is_one() {
    let daemon = served();
    let mut child = watching(&daemon).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(
        line.contains("  running  owlcodad 9.8.7") && line.ends_with("is down: start it"),
        "{line}"
    );
    drop(daemon);
    let line = lines.next().unwrap().unwrap();
    assert!(line.ends_with("  not running"), "{line}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
