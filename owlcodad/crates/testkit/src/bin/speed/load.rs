//! Callers that send their next request as soon as they have their answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::body::Case;

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) url: String,
    /// The server's process.
    pub(crate) pid: u64,
    pub(crate) case: Case,
    pub(crate) n_connections: u64,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

impl Plan {
    /// Drives the server, and says what it took.
    pub(crate) fn run(&self) -> io::Result<Value> {
        let authority = self.url.trim_start_matches("http://").trim_end_matches('/');
        let body = self.case.body();
        let path = self.case.path();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n\
             anthropic-version: 2023-06-01\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (counts, ends) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let call = || -> io::Result<Vec<Duration>> {
                let mut caller = Caller::connect(authority)?;
                let mut times = Vec::new();
                while !ends.load(Ordering::Relaxed) {
                    let counted = counts.load(Ordering::Relaxed);
                    let started = Instant::now();
                    caller.call(request.as_bytes())?;
                    if counted {
                        times.push(started.elapsed());
                    }
                }
                Ok(times)
            };
            let callers: Vec<_> = (0..self.n_connections).map(|_| scope.spawn(call)).collect();
            std::thread::sleep(self.warm_up);
            let before = cpu_time(self.pid)?;
            counts.store(true, Ordering::Relaxed);
            let started = Instant::now();
            std::thread::sleep(self.duration);
            let cpu = cpu_time(self.pid)?.saturating_sub(before);
            let elapsed = started.elapsed();
            ends.store(true, Ordering::Relaxed);
            let mut times = Vec::new();
            for caller in callers {
                let ended = caller.join();
                times.extend(ended.map_err(|_| io::Error::other("a caller panicked"))??);
            }
            times.sort_unstable();
            let at = |percent: usize| {
                let time = times.get(times.len() * percent / 100);
                time.map_or(0.0, |time| time.as_secs_f64() * 1e3)
            };
            let n_calls = times.len().max(1) as u128;
            Ok(json!({
                "calls": times.len(),
                "calls_per_second": n_calls * 1000 / elapsed.as_millis().max(1),
                "cpu_us_per_call": cpu.as_micros() / n_calls,
                "p50_ms": at(50),
                "p99_ms": at(99),
                "rss_mib": rss_mib(self.pid)?,
            }))
        })
    }
}

struct Caller {
    reader: BufReader<TcpStream>,
}

impl Caller {
    fn connect(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::with_capacity(64 << 10, stream),
        })
    }

    /// Sends the request and reads the whole answer; anything but a whole 200 is an error.
    fn call(&mut self, request: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(request)?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!(
                "the answer is {:?}",
                line.trim_end()
            )));
        }
        let mut length = None;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse().map_err(io::Error::other)?);
            }
        }
        match length {
            Some(length) => self.skip(length),
            None => loop {
                line.clear();
                self.reader.read_line(&mut line)?;
                let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
                self.skip(size + 2)?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    fn skip(&mut self, n_bytes: usize) -> io::Result<()> {
        let copied = io::copy(
            &mut (&mut self.reader).take(n_bytes as u64),
            &mut io::sink(),
        )?;
        if copied < n_bytes as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The unit of time in `/proc`, which is the same on every Linux.
const TICK_MS: u64 = 10;

/// What the threads of a process have used so far, in user and kernel mode.
fn cpu_time(pid: u64) -> io::Result<Duration> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold spaces; after its bracket come numbers.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * TICK_MS))
}

fn rss_mib(pid: u64) -> io::Result<u64> {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.unwrap_or_default() / 1024)
}
