//! `owlctl logs`: what the daemon logs, kept and live.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use owlcoda_proto::printable;
use owlcoda_proto::v1::{LogLine, TailLogsRequest};
use serde_json::{Map, Value};

use crate::cli::LogsArgs;
use crate::daemon::Context;
use crate::error::CommandError;
use crate::report::Report;
use crate::screen;
use crate::yaml;

/// Parts of a line that have places of their own, or say nothing to a person.
const KNOWN: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

pub(super) async fn run(context: &Context<'_>, args: &LogsArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let request = TailLogsRequest {
        follow: args.follow,
        since_ms: args.since.unwrap_or(0),
        level: args.level.clone().unwrap_or_default(),
    };
    let mut lines = client.logs().tail(request).await?.into_inner();
    let zone = TimeZone::system();
    let mut last_seq = None;
    let mut n_shown = 0_usize;
    while let Some(line) = lines.message().await? {
        let n_lost = last_seq.map_or(0, |last: u64| line.seq.saturating_sub(last + 1));
        // Without a filter every number comes.
        if n_lost > 0 && args.level.is_none() {
            screen::complain(&format!(
                "owlctl: {n_lost} lines were lost: this reader was too slow"
            ));
        }
        last_seq = Some(line.seq);
        n_shown += 1;
        let mut text = shown(&line, &zone, context.global.json);
        if context.global.is_yaml() {
            text = yaml::of_json_line(&text).unwrap_or(text);
        }
        if !screen::print(&text) {
            break;
        }
    }
    let report = Report::data(String::new());
    if args.follow {
        return Ok(report.and_remark("owlctl: the daemon has ended its log"));
    }
    if n_shown == 0 {
        return Ok(report.and_remark("no such lines are kept"));
    }
    Ok(report)
}

/// One line, with its end.
fn shown(line: &LogLine, zone: &TimeZone, is_json: bool) -> String {
    if is_json {
        return format!("{}\n", line.json);
    }
    let fields: Map<String, Value> = serde_json::from_str(&line.json).unwrap_or_default();
    let time = Timestamp::from_millisecond(line.at_ms).unwrap_or_default();
    let time = time
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S%.3f");
    let message = fields.get("message").and_then(Value::as_str);
    // A line that is no JSON is one that was cut.
    let message = printable(message.unwrap_or(&line.json)).into_owned();
    let mut text = format!("{time}  {:<5}  {message}", line.level.to_uppercase());
    for (name, value) in &fields {
        if !KNOWN.contains(&name.as_str()) {
            let value = match value {
                Value::String(string) => string.clone(),
                other => other.to_string(),
            };
            for part in ["  ", &*printable(name), "=", &*printable(&value)] {
                text.push_str(part);
            }
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> LogLine {
        LogLine {
            seq: 1,
            at_ms: 1_700_000_000_123,
            level: "warn".to_owned(),
            json: json.to_owned(),
        }
    }

    #[test]
    fn a_line_shows_time_level_message_and_its_fields() {
        let line = line(
            r#"{"timestamp":"x","level":"WARN","message":"no\u001b[2J way","endpoint":"a:1","n":3,"target":"t"}"#,
        );
        assert_eq!(
            shown(&line, &TimeZone::UTC, false),
            "2023-11-14 22:13:20.123  WARN   no [2J way  endpoint=a:1  n=3\n"
        );
        assert_eq!(
            shown(&line, &TimeZone::UTC, true),
            format!("{}\n", line.json)
        );
    }

    #[test]
    fn a_line_that_was_cut_is_shown_as_it_is() {
        let text = shown(&line(r#"{"timestamp":"x","mess"#), &TimeZone::UTC, false);
        assert!(text.contains(r#"WARN   {"timestamp":"x","mess"#), "{text}");
    }
}
