//! `owlctl metrics`: what Prometheus scrapes, for whoever wants to look.

use owlcoda_proto::v1::MetricsRequest;
use serde::Serialize;

use crate::cli::MetricsArgs;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Report;

#[derive(Serialize)]
struct Samples<'a> {
    samples: Vec<Sample<'a>>,
}

#[derive(Serialize)]
struct Sample<'a> {
    /// Name and labels, as in the text format.
    series: &'a str,
    /// Null where it is no number.
    value: Option<f64>,
}

pub(super) async fn run(context: &Context<'_>, args: &MetricsArgs) -> Result<Report, CommandError> {
    let mut daemon = context.connect().await?.daemon();
    let text = daemon.metrics(MetricsRequest {}).await?.into_inner().text;
    Ok(render(&text, args.grep.as_deref(), context.global.json))
}

/// The lines of `text` with `part`, or all of them.
fn render(text: &str, part: Option<&str>, is_json: bool) -> Report {
    let lines = || {
        let lines = text.lines();
        lines.filter(|line| part.is_none_or(|part| line.contains(part)))
    };
    let report = Report::data(if is_json {
        let samples = lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| line.rsplit_once(' '));
        let samples = samples.map(|(series, value)| Sample {
            series,
            value: value.parse().ok().filter(|value: &f64| value.is_finite()),
        });
        let samples = samples.collect();
        json("Metrics", &Samples { samples })
    } else {
        lines().flat_map(|line| [line, "\n"]).collect()
    });
    match part {
        Some(_) if lines().next().is_none() => {
            report.and_remark("no line has that").ending(Exit::Failed)
        }
        _ => report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total A.\na_total{model=\"x y\"} 3\nb_seconds NaN\n";

    #[test]
    fn lines_are_chosen_by_what_they_hold_and_samples_are_numbers_for_scripts() {
        assert_eq!(render(TEXT, None, false).stdout, TEXT);
        assert_eq!(render(TEXT, Some("b_"), false).stdout, "b_seconds NaN\n");
        let report = render(TEXT, Some("c_"), false);
        assert_eq!((report.stdout.as_str(), report.exit), ("", Exit::Failed));
        let document: serde_json::Value =
            serde_json::from_str(&render(TEXT, None, true).stdout).unwrap();
        assert_eq!(
            document["samples"],
            serde_json::json!([
                {"series": "a_total{model=\"x y\"}", "value": 3.0},
                {"series": "b_seconds", "value": null},
            ])
        );
    }
}
