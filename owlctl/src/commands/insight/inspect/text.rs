//! One call as a person reads it: where its time went, then what each side said.

use jiff::tz::TimeZone;
use owlcoda_proto::printable;
use owlcoda_proto::v1::{Capture, CapturedMessage, Exchange, GetCallResponse, Trace};

use crate::commands::models::some;
use crate::commands::prompt_tokens;
use crate::quantity;
use crate::table::{Side, Table};

/// Longest bar, in characters.
const BAR_CHARS: u64 = 30;

/// All that is kept of one call.
pub(super) fn call(answer: &GetCallResponse, zone: &TimeZone) -> String {
    let mut text = String::new();
    if let Some(trace) = &answer.trace {
        text.push_str(&of_trace(trace, zone));
    }
    if let Some(captured) = &answer.capture {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&capture(captured));
    }
    text
}

fn of_trace(trace: &Trace, zone: &TimeZone) -> String {
    let usage = trace.usage.unwrap_or_default();
    let model = match (some(&trace.model_used), some(&trace.endpoint_id)) {
        (Some(model), Some(endpoint)) => format!("{} -> {model} at {endpoint}", trace.model_asked),
        (Some(model), None) => format!("{} -> {model}, from the cache", trace.model_asked),
        (None, _) => format!("{} -> none", trace.model_asked),
    };
    let head = [
        format!(
            "{}  {}  {}",
            trace.request_id,
            quantity::local_time(trace.at_ms, zone),
            trace.route
        ),
        model,
        format!(
            "{} {}  {}  tokens in {} out {}",
            trace.status,
            trace.outcome,
            quantity::of(trace.n_attempts.into(), "attempt"),
            quantity::count(prompt_tokens(&usage)),
            quantity::count(usage.output_tokens),
        ),
    ];
    let mut table = Table::with_columns([
        ("PHASE", Side::Left),
        ("TIME", Side::Right),
        ("", Side::Left),
    ]);
    for phase in &trace.phases {
        let n_chars = phase.us.saturating_mul(BAR_CHARS) / trace.total_us.max(1);
        let bar = "=".repeat(usize::try_from(n_chars.min(BAR_CHARS)).unwrap_or(0));
        let bar = if bar.is_empty() { " " } else { &bar };
        table.push([&phase.name, &quantity::micros(phase.us), bar]);
    }
    table.push(["total", &quantity::micros(trace.total_us), " "]);
    let lines = head.iter().map(|line| printable(line).into_owned());
    let lines: Vec<_> = lines.chain(table.lines()).collect();
    lines.join("\n") + "\n"
}

/// What each side said.
pub(super) fn capture(capture: &Capture) -> String {
    let mut page = Page::default();
    if let Some(caller) = &capture.caller {
        page.title(&format!("caller sent: {}", caller.line));
        page.message(caller.request.as_ref());
    }
    let n_attempts = capture.attempts.len();
    for (idx, attempt) in capture.attempts.iter().enumerate() {
        page.attempt(idx + 1, n_attempts, attempt);
    }
    if let Some(caller) = &capture.caller {
        page.title(&format!("caller got: {}", caller.status));
        page.message(caller.answer.as_ref());
    }
    if let Some(error) = some(&capture.error) {
        page.title(&format!("failed: {error}"));
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, words: &str) {
        self.0.push_str("--- ");
        self.line(words);
    }

    /// One line, safe for a terminal.
    fn line(&mut self, line: &str) {
        self.0.push_str(printable(line).trim_end());
        self.0.push('\n');
    }

    fn attempt(&mut self, number: usize, n_attempts: usize, attempt: &Exchange) {
        let of = if n_attempts > 1 {
            format!(" ({number} of {n_attempts})")
        } else {
            String::new()
        };
        self.title(&format!("model server got{of}: {}", attempt.line));
        self.message(attempt.request.as_ref());
        match attempt.status {
            0 => self.title(&format!("model server said{of}: nothing")),
            status => self.title(&format!("model server said{of}: {status}")),
        }
        self.message(attempt.answer.as_ref());
    }

    fn message(&mut self, message: Option<&CapturedMessage>) {
        let Some(message) = message else { return };
        for header in &message.headers {
            self.line(&format!("{}: {}", header.name, header.value));
        }
        if !message.headers.is_empty() && !message.body.is_empty() {
            self.line("");
        }
        for line in message.body.lines() {
            self.line(line);
        }
        if message.is_cut {
            let whole = quantity::size(message.n_body_bytes);
            self.line(&format!("[cut: {whole} in all]"));
        }
    }
}
