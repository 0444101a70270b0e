//! `owlctl audit stats`: counts, tokens, costs and times.

use owlcoda_proto::v1::{AuditGroup, AuditStats};
use serde::Serialize;

use super::request;
use crate::cli::audit::StatsArgs;
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Stats<'a> {
    all: Group<'a>,
    by_model: Vec<Group<'a>>,
    by_endpoint: Vec<Group<'a>>,
    by_status: Vec<Group<'a>>,
    by_outcome: Vec<Group<'a>>,
    by_client: Vec<Group<'a>>,
    /// Records in the range that could not be read.
    n_unreadable: u64,
}

#[derive(Serialize)]
struct Group<'a> {
    /// Null for all, and for calls that have no such thing.
    name: Option<&'a str>,
    n_calls: u64,
    /// Those with status 400 and above.
    n_failed: u64,
    usage: TokenCounts,
    /// In the configured currency, of calls whose rate was known.
    cost: f64,
    p50_secs: f64,
    p95_secs: f64,
    p99_secs: f64,
}

impl<'a> From<&'a AuditGroup> for Group<'a> {
    fn from(group: &'a AuditGroup) -> Self {
        Self {
            name: Some(group.name.as_str()).filter(|name| !name.is_empty()),
            n_calls: group.n_calls,
            n_failed: group.n_failed,
            usage: group.usage.unwrap_or_default().into(),
            cost: quantity::millionths(group.cost_micros),
            p50_secs: quantity::secs(group.p50_ms),
            p95_secs: quantity::secs(group.p95_ms),
            p99_secs: quantity::secs(group.p99_ms),
        }
    }
}

pub(super) async fn run(context: &Context<'_>, args: &StatsArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let mut answers = client
        .audit()
        .stats(request(&args.filters))
        .await?
        .into_inner();
    let mut last = AuditStats::default();
    while let Some(stats) = answers.message().await? {
        last = stats;
    }
    if !last.is_done {
        return Err(CommandError::Gone("the daemon ended first".to_owned()));
    }
    let report = Report::data(if context.global.json {
        json("AuditStats", &to_document(&last))
    } else {
        to_text(&last)
    });
    if last.n_unreadable == 0 {
        return Ok(report);
    }
    let words = format!("{} records could not be read", last.n_unreadable);
    Ok(report.and_remark(&words).ending(Exit::Partial))
}

fn to_document(stats: &AuditStats) -> Stats<'_> {
    static NONE: AuditGroup = AuditGroup {
        name: String::new(),
        n_calls: 0,
        n_failed: 0,
        usage: None,
        cost_micros: 0,
        p50_ms: 0,
        p95_ms: 0,
        p99_ms: 0,
    };
    Stats {
        all: stats.all.as_ref().unwrap_or(&NONE).into(),
        by_model: groups(&stats.by_model),
        by_endpoint: groups(&stats.by_endpoint),
        by_status: groups(&stats.by_status),
        by_outcome: groups(&stats.by_outcome),
        by_client: groups(&stats.by_client),
        n_unreadable: stats.n_unreadable,
    }
}

fn groups(groups: &[AuditGroup]) -> Vec<Group<'_>> {
    groups.iter().map(Group::from).collect()
}

fn to_text(stats: &AuditStats) -> String {
    let mut table = Table::with_columns([
        ("BY", Side::Left),
        ("NAME", Side::Left),
        ("CALLS", Side::Right),
        ("FAILED", Side::Right),
        ("IN", Side::Right),
        ("OUT", Side::Right),
        ("COST", Side::Right),
        ("P50", Side::Right),
        ("P95", Side::Right),
        ("P99", Side::Right),
    ]);
    let all: Vec<_> = stats.all.iter().cloned().collect();
    for (by, groups) in [
        ("all", &all),
        ("model", &stats.by_model),
        ("endpoint", &stats.by_endpoint),
        ("status", &stats.by_status),
        ("outcome", &stats.by_outcome),
        ("client", &stats.by_client),
    ] {
        for group in groups {
            let usage = group.usage.unwrap_or_default();
            let cost = match group.cost_micros {
                0 => String::new(),
                micros => format!("{:.4}", quantity::millionths(micros)),
            };
            table.push([
                by,
                &group.name,
                &quantity::count(group.n_calls),
                &quantity::count(group.n_failed),
                &quantity::count(prompt_tokens(&usage)),
                &quantity::count(usage.output_tokens),
                &cost,
                &quantity::span(group.p50_ms),
                &quantity::span(group.p95_ms),
                &quantity::span(group.p99_ms),
            ]);
        }
    }
    table.lines().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    #[test]
    fn groups_are_a_table_for_people_and_lists_for_scripts() {
        let group = |name: &str, n_calls| AuditGroup {
            name: name.to_owned(),
            n_calls,
            n_failed: 1,
            usage: Some(Usage {
                input_tokens: 1_000,
                output_tokens: 20,
                cache_read_tokens: 5,
                cache_write_tokens: 0,
            }),
            cost_micros: 1_234_000,
            p50_ms: 340,
            p95_ms: 2_500,
            p99_ms: 61_000,
        };
        let stats = AuditStats {
            all: Some(group("", 4_200)),
            by_model: vec![group("qwen\u{1b}[2J", 4_000), group("", 200)],
            by_status: vec![group("2xx", 4_199), group("5xx", 1)],
            is_done: true,
            ..AuditStats::default()
        };
        golden::check("audit_stats", &to_text(&stats));
        golden::check(
            "audit_stats_json",
            &json("AuditStats", &to_document(&stats)),
        );
    }
}
