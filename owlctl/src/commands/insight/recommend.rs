//! `owlctl recommend`: which model to take for what, and why.

use owlcoda_proto::v1::{RecommendRequest, RecommendResponse, Recommended};
use serde::Serialize;

use crate::cli::insight::RecommendArgs;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Recommendation<'a> {
    intent: &'a str,
    best: Entry<'a>,
    /// The better ones first.
    alternatives: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    model_id: &'a str,
    /// From 0 to 100.
    score: u32,
    reasons: &'a [String],
}

impl<'a> From<&'a Recommended> for Entry<'a> {
    fn from(found: &'a Recommended) -> Self {
        Self {
            model_id: &found.model_id,
            score: found.score,
            reasons: &found.reasons,
        }
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &RecommendArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let request = RecommendRequest {
        intent: args.intent.clone(),
    };
    let answer = client.figures().recommend(request).await?.into_inner();
    Ok(Report::data(if context.global.json {
        to_json(&answer)
    } else {
        to_text(&answer)
    }))
}

fn to_text(answer: &RecommendResponse) -> String {
    let mut table = Table::with_columns([
        ("MODEL", Side::Left),
        ("SCORE", Side::Right),
        ("BECAUSE", Side::Left),
    ]);
    for found in answer.best.iter().chain(&answer.alternatives) {
        // A line a reason, so that none is cut.
        let mut reasons = found.reasons.iter().map(String::as_str);
        let first = reasons.next().unwrap_or_default();
        table.push([&found.model_id, &found.score.to_string(), first]);
        for reason in reasons {
            table.push([" ", " ", reason]);
        }
    }
    table.lines().join("\n") + "\n"
}

fn to_json(answer: &RecommendResponse) -> String {
    let none = Recommended::default();
    let document = Recommendation {
        intent: &answer.intent,
        best: answer.best.as_ref().unwrap_or(&none).into(),
        alternatives: answer.alternatives.iter().map(Entry::from).collect(),
    };
    json("Recommendation", &document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn the_best_comes_first_with_every_reason() {
        let answer = RecommendResponse {
            intent: "code".to_owned(),
            best: Some(Recommended {
                model_id: "qwen2.5-coder".to_owned(),
                score: 85,
                reasons: vec![
                    "its tier `balanced` suits code".to_owned(),
                    "it writes 41 tokens a second".to_owned(),
                ],
            }),
            alternatives: vec![Recommended {
                model_id: "tiny".to_owned(),
                score: 50,
                reasons: Vec::new(),
            }],
        };
        golden::check("recommend", &to_text(&answer));
        golden::check("recommend_json", &to_json(&answer));
    }
}
