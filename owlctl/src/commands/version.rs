//! `owlctl version`: which builds talk to each other.

use owlcoda_proto::v1::GetVersionResponse;
use owlcoda_proto::{PROTOCOL, printable};
use serde::Serialize;

use crate::cli::VersionArgs;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::report::Report;

/// Version of this build.
const CLIENT: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Version<'a> {
    client: Build<'a>,
    /// Null where none answered or none was asked.
    daemon: Option<Build<'a>>,
}

#[derive(Serialize)]
struct Build<'a> {
    version: &'a str,
    protocol: u32,
}

pub(super) async fn run(context: &Context<'_>, args: &VersionArgs) -> Result<Report, CommandError> {
    let is_json = context.global.json;
    if args.client {
        return Ok(Report::data(render(CLIENT, None, is_json)));
    }
    let client = match context.reach().await {
        Ok(client) => client,
        Err(error) => return Ok(Report::data(render(CLIENT, None, is_json)).and_failure(&error)),
    };
    let report = Report::data(render(CLIENT, Some(client.version()), is_json));
    Ok(match context.told(client.agreed()) {
        Ok(_) => report,
        Err(error) => report.and_failure(&error),
    })
}

fn render(client: &str, daemon: Option<&GetVersionResponse>, is_json: bool) -> String {
    let version = Version {
        client: Build {
            version: client,
            protocol: PROTOCOL,
        },
        daemon: daemon.map(|daemon| Build {
            version: &daemon.version,
            protocol: daemon.protocol,
        }),
    };
    if is_json {
        return json("Version", &version);
    }
    let line = |name: &str, build: &Build<'_>| {
        let version = printable(build.version);
        format!("{name:<8}  {version}  protocol {}\n", build.protocol)
    };
    let mut text = line("owlctl", &version.client);
    if let Some(daemon) = &version.daemon {
        text.push_str(&line("owlcodad", daemon));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn both_builds_are_shown() {
        let daemon = GetVersionResponse {
            version: "0.1.0".to_owned(),
            protocol: 1,
            min_client_protocol: 1,
        };
        golden::check("version", &render("0.1.0", Some(&daemon), false));
        golden::check("version_json", &render("0.1.0", Some(&daemon), true));
        golden::check("version_client_json", &render("0.1.0", None, true));
    }
}
