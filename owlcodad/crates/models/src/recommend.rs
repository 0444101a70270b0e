//! Which model to take for what, with reasons: a score from 0 to 100 for each model.
//!
//! ```text
//! 50  to begin with
//! +   its tier and its name suit the intent
//! ±   its size suits the intent
//! ±   what was measured: answers that came, tokens a second, time to the first token
//! −   its server does not answer
//! ```
//!
//! Pure: whoever asks brings what was measured.

use std::cmp::Reverse;

use crate::intent::Intent;
use crate::registry::{Model, Registry};

/// How many models are named beside the best.
pub const MAX_ALTERNATIVES: usize = 3;

/// Fewest calls that say something about a model.
const MIN_CALLS: u64 = 2;

/// Most that measured speed is worth.
const MAX_SPEED_POINTS: u32 = 15;

/// What was measured of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Calls that ended with an answer or by the fault of its server.
    pub n_calls: u64,
    /// Of these, those with an answer.
    pub n_answered: u64,
    /// Tokens a second, from the first token to the last.
    pub tokens_per_sec: Option<f64>,
    /// Mean time to the first token, in milliseconds.
    pub first_token_ms: Option<f64>,
    /// Whether its endpoint is known not to answer, or its breaker is open.
    pub is_down: bool,
}

/// One model and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommended {
    /// Id of the model.
    pub model: String,
    /// From 0 to 100.
    pub score: u8,
    /// Why, in words for people; the weightiest reason need not be the first.
    pub reasons: Vec<String>,
}

/// Scores every model that can talk, the best first; among equals in the order of the registry.
pub fn recommend(
    registry: &Registry,
    intent: Intent,
    measured: impl Fn(&Model) -> Measured,
) -> Vec<Recommended> {
    let models = registry.models().iter().filter(|model| model.can_talk());
    let mut scored: Vec<_> = models
        .map(|model| score(model, intent, measured(model)))
        .collect();
    scored.sort_by_key(|model| Reverse(model.score));
    scored
}

/// Adds up points and says what they are for.
struct Tally {
    points: i32,
    reasons: Vec<String>,
}

impl Tally {
    fn add(&mut self, points: i32, reason: impl Into<String>) {
        self.points += points;
        self.reasons.push(reason.into());
    }
}

fn score(model: &Model, intent: Intent, measured: Measured) -> Recommended {
    let mut tally = Tally {
        points: 50,
        reasons: Vec::new(),
    };
    by_tier(model, intent, &mut tally);
    by_name(model, intent, &mut tally);
    by_size(model, intent, &mut tally);
    by_measure(measured, &mut tally);
    if tally.reasons.is_empty() {
        tally
            .reasons
            .push("nothing speaks for or against it".to_owned());
    }
    Recommended {
        model: model.id.clone(),
        score: u8::try_from(tally.points.clamp(0, 100)).unwrap_or(100),
        reasons: tally.reasons,
    }
}

fn by_tier(model: &Model, intent: Intent, tally: &mut Tally) {
    let rank = intent.tiers().iter().position(|tier| model.tier == *tier);
    let points = match rank {
        Some(0) => 15,
        Some(1) => 10,
        Some(_) => 5,
        None => return,
    };
    tally.add(points, format!("its tier `{}` suits {intent}", model.tier));
}

/// Parts of names that say what a model was made for; one of them is enough.
const fn name_parts(intent: Intent) -> &'static [&'static str] {
    match intent {
        Intent::Code => &["coder", "code", "dev", "codestral", "starcoder"],
        Intent::Analysis => &["reason", "think", "analyst", "math", "-r1", "qwq"],
        Intent::Search => &["search", "retrieval", "rag"],
        Intent::Chat => &["chat", "assistant", "dialog", "instruct"],
        Intent::General => &[],
    }
}

fn by_name(model: &Model, intent: Intent, tally: &mut Tally) {
    let names = [&model.id, &model.backend_model].map(|name| name.to_ascii_lowercase());
    let part = name_parts(intent)
        .iter()
        .find(|part| names.iter().any(|name| name.contains(*part)));
    if let Some(part) = part {
        tally.add(20, format!("`{part}` in its name suits {intent}"));
    }
}

fn by_size(model: &Model, intent: Intent, tally: &mut Tally) {
    let Some(billions) = size_of(model) else {
        return;
    };
    let is_for_thought = matches!(intent, Intent::Code | Intent::Analysis);
    if is_for_thought && billions >= 30.0 {
        tally.add(10, format!("its size, {billions}B, suits {intent}"));
    } else if is_for_thought && billions < 4.0 {
        tally.add(-10, format!("it is small for {intent}: {billions}B"));
    } else if !is_for_thought && billions < 15.0 {
        tally.add(
            10,
            format!("its size, {billions}B, is quick enough for {intent}"),
        );
    }
}

fn by_measure(measured: Measured, tally: &mut Tally) {
    if measured.is_down {
        tally.add(-60, "its server does not answer at the moment");
    }
    if measured.n_calls < MIN_CALLS {
        return;
    }
    let answered = share(measured.n_answered, measured.n_calls);
    if answered < 0.5 {
        tally.add(
            -30,
            format!("it answered only {:.0} % of its calls", answered * 100.0),
        );
    } else if answered >= 0.95 {
        tally.add(
            10,
            format!("it answered {:.0} % of its calls", answered * 100.0),
        );
    }
    if let Some(speed) = measured.tokens_per_sec.filter(|speed| *speed >= 10.0) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and cut at the most that it may be worth"
        )]
        let points = ((speed / 10.0).min(f64::from(MAX_SPEED_POINTS)) as u32).min(MAX_SPEED_POINTS);
        tally.add(
            points.cast_signed(),
            format!("it writes {speed:.0} tokens a second"),
        );
    }
    if let Some(wait) = measured.first_token_ms {
        if wait < 1000.0 {
            tally.add(10, format!("its first token comes after {wait:.0} ms"));
        } else if wait > 10_000.0 {
            tally.add(
                -10,
                format!("its first token comes after {:.0} s", wait / 1000.0),
            );
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of calls are far below 53 bits"
)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// How many billions of parameters `model` has: as its server tells, else as its names do.
pub fn size_of(model: &Model) -> Option<f64> {
    let names = [&model.id, &model.backend_model];
    let told = model.parameter_size.as_ref();
    told.into_iter()
        .chain(names)
        .find_map(|text| billions_of_parameters(text))
}

/// How many billions of parameters a model's name says it has: the number before a `b` that ends a
/// word, as in `qwen2.5-coder:7b` or `Llama-3.3-70B-Instruct`. Of a mixture of experts (`8x7b`,
/// `30b-a3b`) the whole.
pub fn billions_of_parameters(name: &str) -> Option<f64> {
    let name = name.to_ascii_lowercase();
    let words = name.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'));
    for word in words {
        let Some(number) = word.strip_suffix('b') else {
            continue;
        };
        let (experts, each) = number.split_once('x').unwrap_or(("1", number));
        let (Ok(experts), Ok(each)) = (experts.parse::<f64>(), each.parse::<f64>()) else {
            continue;
        };
        let billions = experts * each;
        if billions > 0.0 && billions < 100_000.0 {
            return Some(billions);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::world::{entry, registry};

    #[test]
    fn a_name_says_how_large_a_model_is() {
        let cases = [
            ("qwen2.5-coder:7b", Some(7.0)),
            ("Llama-3.3-70B-Instruct", Some(70.0)),
            ("mixtral-8x7b", Some(56.0)),
            ("qwen3-30b-a3b", Some(30.0)),
            ("smollm2-1.7b", Some(1.7)),
            ("qwen2.5-0.5b-q4_k_m", Some(0.5)),
            ("gpt-4o", None),
            ("nous-b", None),
            ("1e9b", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(billions_of_parameters(name), expected, "{name}");
        }
    }

    #[test]
    fn the_model_made_for_it_comes_first_and_says_why() {
        let registry = registry(&[
            entry("llama-3b-chat", "e1", "fast"),
            entry("qwen-coder-32b", "e1", "heavy"),
            entry("nomic-embed", "e1", "embedding"),
        ]);
        let best = recommend(&registry, Intent::Code, |_| Measured::default());
        let names: Vec<_> = best.iter().map(|model| model.model.as_str()).collect();
        assert_eq!(names, ["qwen-coder-32b", "llama-3b-chat"]);
        assert_eq!(
            best[0].reasons,
            [
                "its tier `heavy` suits code",
                "`coder` in its name suits code",
                "its size, 32B, suits code",
            ]
        );
        let best = recommend(&registry, Intent::Chat, |_| Measured::default());
        assert_eq!(best[0].model, "llama-3b-chat");
    }

    #[test]
    fn what_was_measured_counts_and_a_server_that_is_down_counts_most() {
        let registry = registry(&[entry("one", "e1", "general"), entry("two", "e2", "general")]);
        let good = Measured {
            n_calls: 10,
            n_answered: 10,
            tokens_per_sec: Some(80.0),
            first_token_ms: Some(200.0),
            is_down: false,
        };
        let measured = |of_two: Measured| {
            let best = recommend(&registry, Intent::General, |model| {
                if model.id == "two" {
                    of_two
                } else {
                    Measured::default()
                }
            });
            (best[0].model.clone(), best[0].score)
        };
        assert_eq!(measured(good), ("two".to_owned(), 78));
        assert_eq!(
            measured(Measured {
                is_down: true,
                ..good
            })
            .0,
            "one"
        );
        assert_eq!(
            measured(Measured {
                n_answered: 1,
                ..good
            })
            .0,
            "one"
        );
        let once = Measured {
            n_calls: 1,
            n_answered: 0,
            ..good
        };
        assert_eq!(measured(once).0, "one", "one call says nothing");
    }

    #[test]
    fn every_score_is_between_0_and_100() {
        let names = ["code-reason-search-chat-70b", "tiny-1b", "x"];
        let entries: Vec<_> = names
            .iter()
            .flat_map(|name| {
                owlcoda_config::TIERS.map(|tier| entry(&format!("{name}-{tier}"), "e1", tier))
            })
            .collect();
        let registry = registry(&entries);
        for speed in [0.0, 5.0, 1e9, f64::INFINITY] {
            for is_down in [true, false] {
                let measured = Measured {
                    n_calls: 9,
                    n_answered: if is_down { 0 } else { 9 },
                    tokens_per_sec: Some(speed),
                    first_token_ms: Some(1e6 * f64::from(u8::from(is_down))),
                    is_down,
                };
                for intent in Intent::ALL {
                    for model in recommend(&registry, intent, |_| measured) {
                        assert!(model.score <= 100, "{model:?}");
                        assert!(!model.reasons.is_empty());
                    }
                }
            }
        }
    }
}
