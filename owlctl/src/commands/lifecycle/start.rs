//! `owlctl start`: a daemon in the background, or the one that runs already.

use std::process::Stdio;

use owlcoda_proto::printable;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::{Outcome, connected, status_of, with_skew};
use crate::cli::lifecycle::StartArgs;
use crate::commands::offline::{exit, program};
use crate::daemon::Context;
use crate::error::{self, CommandError};
use crate::report::Report;

/// Most bytes that are read of what a daemon says that does not start.
const MAX_LAST_WORDS_BYTES: u64 = 64 << 10;

pub(super) async fn run(context: &Context<'_>, args: &StartArgs) -> Result<Report, CommandError> {
    if let Some(client) = connected(context).await? {
        let status = status_of(&client).await?;
        let text = format!(
            "owlcodad {} runs already: {} (pid {})",
            status.version, status.http_url, status.pid
        );
        let outcome = Outcome::running(&status).unchanged();
        let report = outcome.report(context, &printable(&text));
        return Ok(if client.skew().is_daemon_older() {
            let way_out = error::restart(context.global.home.as_deref());
            with_skew(report, &client).and_remark(way_out.trim_end())
        } else {
            report
        });
    }
    let program = program();
    #[expect(
        clippy::disallowed_methods,
        reason = "the daemon, which outlives this program"
    )]
    let mut command = tokio::process::Command::new(&program);
    command.args(["serve", "--detach"]);
    command.arg("--home").arg(&context.place.home);
    command.arg("--socket").arg(&context.place.socket);
    if let Some(config) = &args.config {
        command.arg("--config").arg(config);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut daemon = command
        .spawn()
        .map_err(|source| CommandError::of_program(program, source))?;
    // Its one line on standard output says that it serves.
    let mut line = String::new();
    if let Some(stdout) = daemon.stdout.take() {
        let mut stdout = BufReader::new(stdout.take(MAX_LAST_WORDS_BYTES));
        stdout.read_line(&mut line).await.ok();
    }
    if line.is_empty() {
        let mut words = Vec::new();
        if let Some(stderr) = daemon.stderr.take() {
            let mut stderr = stderr.take(MAX_LAST_WORDS_BYTES);
            stderr.read_to_end(&mut words).await.ok();
        }
        let ended = daemon.wait().await.ok().and_then(|status| status.code());
        let mut report = Report::data(String::new()).ending(exit(ended.filter(|code| *code != 0)));
        for line in String::from_utf8_lossy(&words).lines() {
            report = report.and_remark(&printable(line));
        }
        return Ok(report.and_remark("owlctl: the daemon did not start"));
    }
    let status = status_of(&context.connect().await?).await?;
    let text = format!(
        "owlcodad {} serves {} (pid {})",
        status.version, status.http_url, status.pid
    );
    Ok(Outcome::running(&status).report(context, &printable(&text)))
}
