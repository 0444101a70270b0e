//! Which model answers a caller that leaves the choice to us.
//!
//! A name that leads to a model is the caller's choice and stays it. `default` is none, and neither
//! is an unknown name where the configuration lets the default model answer for it.

use std::borrow::Cow;
use std::sync::Arc;

use owlcoda_config::{RoutingConfig, UnknownModel};

use crate::intent::{self, Guess, Intent, Signs};
use crate::registry::{DEFAULT_NAME, Model, Registry};

/// The name by which a call goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The caller's name, an id or [`DEFAULT_NAME`]. May lead to no model.
    pub name: Cow<'a, str>,
    /// What the choice was made for, where it was ours and went by the intent.
    pub guess: Option<Guess>,
}

/// Chooses for a caller that asked for `asked`. `signs` is only called where the intent counts.
pub fn choose<'a>(
    registry: &Registry,
    routing: &RoutingConfig,
    asked: &'a str,
    signs: impl FnOnce() -> Signs,
) -> Choice<'a> {
    let by_name = |name| Choice {
        name: Cow::Borrowed(name),
        guess: None,
    };
    let is_ours = asked == DEFAULT_NAME
        || (routing.unknown_model == UnknownModel::Default && registry.resolve(asked).is_err());
    if !is_ours {
        return by_name(asked);
    }
    if !routing.by_intent {
        return by_name(DEFAULT_NAME);
    }
    let guess = intent::guess(&signs());
    match for_intent(registry, routing, guess.intent) {
        Some(model) => Choice {
            name: Cow::Owned(model.id.clone()),
            guess: Some(guess),
        },
        None => by_name(DEFAULT_NAME),
    }
}

/// The model for `intent`: the one that the catalog names, else the first of the best tier.
fn for_intent<'a>(
    registry: &'a Registry,
    routing: &RoutingConfig,
    intent: Intent,
) -> Option<&'a Arc<Model>> {
    let named = routing.intent_defaults.get(intent.as_str());
    let named = named.and_then(|name| registry.resolve(name).ok());
    named.or_else(|| {
        let of_tier = |tier: &&str| {
            let mut models = registry.models().iter();
            models.find(|model| model.tier == *tier && model.can_talk())
        };
        intent.tiers().iter().find_map(of_tier)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::world::{entry, registry};

    fn routing(unknown_model: UnknownModel, by_intent: bool) -> RoutingConfig {
        RoutingConfig {
            unknown_model,
            by_intent,
            ..RoutingConfig::default()
        }
    }

    fn models() -> Registry {
        registry(&[
            entry("first", "e1", "general"),
            entry("quick", "e1", "fast"),
            entry("quicker", "e1", "fast"),
            entry("vectors-embed", "e1", "heavy"),
            entry("strong", "e1", "heavy"),
        ])
    }

    fn code() -> Signs {
        Signs {
            said: "debug this".to_owned(),
            ..Signs::default()
        }
    }

    /// The name that a call for `asked` about code goes on by.
    fn name(routing: &RoutingConfig, asked: &str) -> String {
        choose(&models(), routing, asked, code).name.into_owned()
    }

    #[test]
    fn a_name_that_leads_to_a_model_is_never_overridden() {
        let routing = routing(UnknownModel::Default, true);
        for asked in ["first", "quick", "strong", "stron"] {
            let choice = choose(&models(), &routing, asked, || panic!("not looked at"));
            let expected = Choice {
                name: asked.into(),
                guess: None,
            };
            assert_eq!(choice, expected);
        }
    }

    #[test]
    fn who_leaves_the_choice_to_us_gets_a_model_of_the_tier_that_suits() {
        let by_intent = routing(UnknownModel::Refused, true);
        let choice = choose(&models(), &by_intent, "default", code);
        let about = choice.guess.map(|guess| guess.intent);
        assert_eq!((&*choice.name, about), ("strong", Some(Intent::Code)));
        let choice = choose(&models(), &by_intent, "default", Signs::default);
        assert_eq!((&*choice.name, choice.guess), ("default", None));
        let off = routing(UnknownModel::Refused, false);
        assert_eq!(name(&off, "default"), "default");
    }

    #[test]
    fn the_model_that_the_catalog_names_for_an_intent_comes_before_tiers() {
        let mut routing = routing(UnknownModel::Refused, true);
        let defaults = &mut routing.intent_defaults;
        defaults.insert("code".to_owned(), "quicker".to_owned());
        assert_eq!(name(&routing, "default"), "quicker");
        let defaults = &mut routing.intent_defaults;
        defaults.insert("code".to_owned(), "gone".to_owned());
        assert_eq!(name(&routing, "default"), "strong");
    }

    #[test]
    fn a_name_that_leads_nowhere_is_ours_only_where_the_default_model_may_answer() {
        for (asked, lenient) in [
            ("claude-sonnet", "default"),
            ("quic", "default"),
            ("quick", "quick"),
        ] {
            assert_eq!(name(&routing(UnknownModel::Refused, true), asked), asked);
            assert_eq!(name(&routing(UnknownModel::Default, false), asked), lenient);
        }
        assert_eq!(
            name(&routing(UnknownModel::Default, true), "claude-sonnet"),
            "strong"
        );
    }
}
