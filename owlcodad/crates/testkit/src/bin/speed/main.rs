//! Both ends of a speed comparison: a model server that answers at once, and callers that never wait.
//!
//! ```text
//! speed upstream --port N
//! speed load --url http://HOST:PORT --pid PID --case CASE [--seconds N] [--connections N]
//! ```
//!
//! `load` prints one JSON line: calls, CPU of the server process a call, its memory, latencies. A
//! case is `messages|chat` - `unary|stream` - `small|big`. `packaging/tests/speed` drives both.
#![expect(
    clippy::print_stdout,
    reason = "a program whose output is read by a script"
)]

mod body;
mod load;
mod upstream;

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use self::body::Case;
use self::load::Plan;

fn main() -> io::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let verb = args.next().unwrap_or_default();
    let mut options = HashMap::new();
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| wrong(&name, "needs a value"))?;
        options.insert(name, value);
    }
    let text = |name: &str| options.get(name).ok_or_else(|| wrong(name, "is missing"));
    let number = |name: &str, default: u64| match options.get(name) {
        Some(value) => value.parse().map_err(|_| wrong(name, "is no number")),
        None => Ok(default),
    };
    match verb.as_str() {
        "upstream" => {
            let port = text("--port")?;
            upstream::serve(port.parse().map_err(|_| wrong("--port", "is no port"))?)?;
        }
        "load" => {
            let case = text("--case")?;
            let plan = Plan {
                url: text("--url")?.clone(),
                pid: number("--pid", 0)?,
                case: Case::parse(case).ok_or_else(|| wrong("--case", "is none that is known"))?,
                n_connections: number("--connections", 16)?,
                warm_up: Duration::from_secs(1),
                duration: Duration::from_secs(number("--seconds", 4)?),
            };
            println!("{}", plan.run()?);
        }
        _ => return Err(wrong(&verb, "is neither `upstream` nor `load`")),
    }
    Ok(ExitCode::SUCCESS)
}

fn wrong(what: &str, words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{what}` {words}"))
}
