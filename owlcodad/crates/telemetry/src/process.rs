//! What this process takes of the machine, under the names that Prometheus has for it.
//!
//! Read from `/proc`, where there is one; elsewhere nothing is told.

use std::fmt::Write as _;
use std::path::Path;

/// The metrics of this process in the text format 0.0.4, to stand after those of the table: processor
/// time is a counter with a fraction, which the table's have not.
pub fn render_process() -> String {
    render(Path::new("/proc/self"))
}

fn render(proc: &Path) -> String {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, value: f64| {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n"
        );
    };
    let read = |name: &str| fs_err::read_to_string(proc.join(name)).unwrap_or_default();
    if let Some(n_pages) = resident_pages(&read("statm")) {
        let n_bytes = float(n_pages * rustix::param::page_size() as u64);
        let help = "Memory of the daemon that is in RAM.";
        add("process_resident_memory_bytes", "gauge", help, n_bytes);
    }
    if let Some(n_ticks) = cpu_ticks(&read("stat")) {
        let secs = float(n_ticks) / float(rustix::param::clock_ticks_per_second().max(1));
        let help = "Processor time of the daemon, its own and the system's for it.";
        add("process_cpu_seconds_total", "counter", help, secs);
    }
    if let Ok(open) = fs_err::read_dir(proc.join("fd")) {
        let help = "Files and sockets that the daemon has open.";
        add(
            "process_open_fds",
            "gauge",
            help,
            float(open.count() as u64),
        );
    }
    text
}

/// The second number of `statm`.
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// User and system time of `stat`, its 14th and 15th fields. The second is a name in parentheses,
/// which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes and ticks are far below 53 bits"
)]
const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_past_a_name_that_holds_anything() {
        let stat = "7 (owl ) 1 (x) S 1 7 7 0 -1 4194560 900 0 0 0 41 13 0 0 20 0 5 0 100 0";
        assert_eq!(cpu_ticks(stat), Some(54));
        assert_eq!(cpu_ticks("7 (owl) S 1"), None);
        assert_eq!(resident_pages("1000 250 100 1 0 200 0\n"), Some(250));
        assert_eq!(resident_pages(""), None);
    }

    #[test]
    fn this_process_takes_some_of_the_machine_and_where_nothing_is_told_nothing_is_made_up() {
        let text = render_process();
        if Path::new("/proc/self/stat").exists() {
            for line in [
                "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total ",
                "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ",
                "# TYPE process_open_fds gauge\nprocess_open_fds ",
            ] {
                assert!(text.contains(line), "{line} is not in {text}");
            }
        }
        assert_eq!(render(Path::new("/no/such/proc")), "");
    }
}
