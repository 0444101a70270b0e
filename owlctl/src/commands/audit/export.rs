//! `owlctl audit export`: every call that matches, for other programs, with a manifest at the end.

use std::io;

use owlcoda_proto::v1::{AuditRecord, QueryAuditRequest, ReadAuditRequest};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::record;
use super::request;
use crate::cli::audit::{ExportArgs, ExportFormat};
use crate::commands::prompt_tokens;
use crate::daemon::Context;
use crate::document;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::new_file::NewFile;
use crate::quantity;
use crate::report::Report;
use crate::screen;

/// Records of one page.
const PAGE: u32 = 1000;

/// The last line: what came before it.
#[derive(Debug, Default, Serialize)]
struct Manifest {
    n_records: u64,
    /// Null without records.
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    /// Records in the range that could not be read, and are not in it.
    n_unreadable: u64,
    /// SHA-256 of all bytes before this line.
    sha256: String,
}

#[derive(Serialize)]
struct LastLine<'a> {
    manifest: &'a Manifest,
}

pub(super) async fn run(context: &Context<'_>, args: &ExportArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let mut out = match &args.out {
        Some(path) => Out::File(NewFile::create(path).map_err(CommandError::of_file(path))?),
        None => Out::Screen,
    };
    let asked = ReadAuditRequest {
        query: Some(QueryAuditRequest {
            limit: PAGE,
            ..request(&args.filters)
        }),
        follow: false,
        from_now: false,
    };
    let mut pages = client.audit().read(asked).await?.into_inner();
    let mut export = Export::new(args.format);
    let written = |result: io::Result<()>| {
        result.map_err(CommandError::of_file(
            args.out.as_deref().unwrap_or("-".as_ref()),
        ))
    };
    written(out.write(&export.head()))?;
    while let Some(page) = pages.message().await? {
        let mut text = String::new();
        for found in &page.records {
            text.push_str(&export.record(found));
        }
        export.manifest.n_unreadable += page.n_unreadable;
        written(out.write(&text))?;
    }
    written(out.write(&export.end()))?;
    written(out.finish())?;
    let manifest = &export.manifest;
    let report = Report::data(String::new());
    let report = match &args.out {
        Some(path) => {
            let words = quantity::of(manifest.n_records, "record");
            report.and_remark(&format!("{words} in {}", path.display()))
        }
        None => report,
    };
    if manifest.n_unreadable == 0 {
        return Ok(report);
    }
    let words = format!("{} records could not be read", manifest.n_unreadable);
    Ok(report.and_remark(&words).ending(Exit::Partial))
}

/// Where it goes.
enum Out {
    Screen,
    File(NewFile),
}

impl Out {
    fn write(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::File(file) => file.write(text.as_bytes()),
            Self::Screen if screen::print(text) => Ok(()),
            // Whoever read it has left, and there is nothing to keep.
            Self::Screen => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::File(file) => file.keep(),
            Self::Screen => Ok(()),
        }
    }
}

/// Text of an export, and what it has so far.
struct Export {
    format: ExportFormat,
    manifest: Manifest,
    sha256: Sha256,
}

/// The columns of a table; the cells of a row are in the same order.
const COLUMNS: [&str; 24] = [
    "seq",
    "at",
    "request_id",
    "client",
    "route",
    "dialect",
    "model_asked",
    "model_used",
    "endpoint_id",
    "dialect_out",
    "n_attempts",
    "status",
    "outcome",
    "failure_kind",
    "is_stream",
    "is_cached",
    "prompt_tokens",
    "output_tokens",
    "cost",
    "ttft_ms",
    "elapsed_ms",
    "bytes_in",
    "bytes_out",
    "session_id",
];

impl Export {
    fn new(format: ExportFormat) -> Self {
        Self {
            format,
            manifest: Manifest::default(),
            sha256: Sha256::new(),
        }
    }

    fn head(&mut self) -> String {
        match self.format {
            ExportFormat::Ndjson => String::new(),
            ExportFormat::Csv => self.counted(COLUMNS.join(",") + "\n"),
        }
    }

    fn record(&mut self, found: &AuditRecord) -> String {
        self.manifest.n_records += 1;
        self.manifest.first_seq.get_or_insert(found.seq);
        self.manifest.last_seq = Some(found.seq);
        let text = match self.format {
            ExportFormat::Ndjson => record::line(found),
            ExportFormat::Csv => row(found),
        };
        self.counted(text)
    }

    /// The last line.
    fn end(&mut self) -> String {
        self.manifest.sha256 = hex(&self.sha256.clone().finalize());
        match self.format {
            ExportFormat::Ndjson => document::line(&LastLine {
                manifest: &self.manifest,
            }),
            ExportFormat::Csv => {
                let manifest = document::line(&self.manifest);
                format!("{}\n", cell(&format!("# manifest {}", manifest.trim_end())))
            }
        }
    }

    fn counted(&mut self, text: String) -> String {
        self.sha256.update(text.as_bytes());
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn row(found: &AuditRecord) -> String {
    let usage = found.usage.unwrap_or_default();
    let some = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let cells: [String; 24] = [
        found.seq.to_string(),
        quantity::rfc_3339(found.at_ms).unwrap_or_default(),
        cell(&found.request_id),
        cell(&found.client),
        cell(&found.route),
        cell(&found.dialect),
        cell(&found.model_asked),
        cell(&found.model_used),
        cell(&found.endpoint_id),
        cell(&found.dialect_out),
        found.n_attempts.to_string(),
        found.status.to_string(),
        cell(&found.outcome),
        cell(&found.failure_kind),
        found.is_stream.to_string(),
        found.is_cached.to_string(),
        prompt_tokens(&usage).to_string(),
        usage.output_tokens.to_string(),
        found
            .cost_micros
            .map(|micros| quantity::millionths(micros).to_string())
            .unwrap_or_default(),
        some(found.ttft_ms),
        found.elapsed_ms.to_string(),
        some(found.bytes_in),
        some(found.bytes_out),
        cell(&found.session_id),
    ];
    cells.join(",") + "\n"
}

/// A text as a cell. What a spreadsheet would take for a formula gets a `'` before it, control
/// characters are spaces, and quotes keep the rest together.
fn cell(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let begin = text.trim_start();
    let is_formula = begin.starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', ' ', '\'', ';']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{answered, refused};
    use super::*;
    use crate::golden;

    fn exported(format: ExportFormat) -> String {
        let mut export = Export::new(format);
        let mut text = export.head();
        text += &export.record(&refused());
        text += &export.record(&answered());
        text += &export.end();
        text
    }

    #[test]
    fn the_last_line_says_what_came_before_it() {
        for (name, format) in [("ndjson", ExportFormat::Ndjson), ("csv", ExportFormat::Csv)] {
            let text = exported(format);
            golden::check(&format!("audit_export_{name}"), &text);
            let (body, last) = text.trim_end().rsplit_once('\n').unwrap();
            let digest = hex(&Sha256::digest(format!("{body}\n")));
            assert!(last.contains(&digest), "{text}");
        }
    }

    #[test]
    fn no_cell_is_a_formula_or_ends_early() {
        for (text, expected) in [
            ("qwen2.5", "qwen2.5"),
            ("=1+1", "\"'=1+1\""),
            (" @SUM(A1)", "\"' @SUM(A1)\""),
            ("+1", "\"'+1\""),
            ("-2", "\"'-2\""),
            ("\t=cmd|' /C calc'!A0", "\"' =cmd|' /C calc'!A0\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\r\nx", "\"say \"\"hi\"\"  x\""),
            ("a;b", "\"a;b\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
