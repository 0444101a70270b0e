//! `owlctl audit follow`: calls as they end, over restarts of the daemon.

use std::time::Duration;

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{QueryAuditRequest, QueryAuditResponse, ReadAuditRequest};

use super::{record, request};
use crate::cli::audit::FollowArgs;
use crate::daemon::Context;
use crate::error::CommandError;
use crate::report::Report;
use crate::{screen, yaml};

/// Between two tries to reach a daemon that is gone.
const AGAIN: Duration = Duration::from_millis(500);

/// Records of one page.
const PAGE: u32 = 1000;

pub(super) async fn run(context: &Context<'_>, args: &FollowArgs) -> Result<Report, CommandError> {
    let has_begin = args.after.is_some() || args.filters.since.is_some();
    let mut view = View {
        is_json: context.global.json,
        is_yaml: context.global.is_yaml(),
        zone: TimeZone::system(),
        widths: Vec::new(),
    };
    // Everything up to it was shown or is not asked for.
    let mut seen_seq = args.after.or(has_begin.then_some(0));
    let mut has_been_there = false;
    loop {
        let mut is_there = false;
        let ended = read(context, args, &mut seen_seq, &mut view, &mut is_there).await;
        has_been_there |= is_there;
        match ended {
            // Whoever read it has left.
            Ok(()) => return Ok(Report::data(String::new())),
            Err(error) if !has_been_there || !is_gone(&error) => return Err(error),
            Err(_) if is_there => {
                screen::complain("owlctl: the daemon is gone; waiting until it is back");
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether the daemon ended, or is about to.
fn is_gone(error: &CommandError) -> bool {
    error.is_absence()
}

/// Shows what comes until the daemon is gone, and says whether it was there; succeeds where nobody
/// reads it any more.
async fn read(
    context: &Context<'_>,
    args: &FollowArgs,
    seen_seq: &mut Option<u64>,
    view: &mut View,
    is_there: &mut bool,
) -> Result<(), CommandError> {
    let client = context.connect().await?;
    let request = ReadAuditRequest {
        query: Some(QueryAuditRequest {
            limit: PAGE,
            after_seq: seen_seq.unwrap_or(0),
            ..request(&args.filters)
        }),
        follow: true,
        from_now: seen_seq.is_none(),
    };
    let mut pages = client.audit().read(request).await?.into_inner();
    while let Some(page) = pages.message().await? {
        *is_there = true;
        if !view.show(&page) {
            return Ok(());
        }
        *seen_seq = Some(page.seen_seq);
    }
    Err(CommandError::Gone("the daemon ends".to_owned()))
}

/// How calls are shown.
struct View {
    is_json: bool,
    is_yaml: bool,
    zone: TimeZone,
    /// Of the columns so far.
    widths: Vec<usize>,
}

impl View {
    /// Shows the calls of a page. False where nobody reads them.
    fn show(&mut self, page: &QueryAuditResponse) -> bool {
        if page.n_unreadable > 0 {
            let n = page.n_unreadable;
            screen::complain(&format!("owlctl: {n} records could not be read"));
        }
        let text = if page.records.is_empty() {
            return true;
        } else if self.is_json {
            let lines = page.records.iter().map(record::line);
            lines.map(|line| self.formatted(line)).collect()
        } else {
            let mut table = record::table();
            for call in &page.records {
                table.push(record::row(call, &self.zone).each_ref().map(String::as_str));
            }
            table.lines_after(&mut self.widths).join("\n") + "\n"
        };
        screen::print(&text)
    }

    fn formatted(&self, line: String) -> String {
        if self.is_yaml {
            return yaml::of_json_line(&line).unwrap_or(line);
        }
        line
    }
}
