//! Which models may answer a request, in which order.
//!
//! First the model that was asked for, which the same model on other servers equals where the caller
//! named the model and not the server: of these the least busy comes first. Then, where another model
//! may answer, the others:
//!
//! 1. models on other endpoints before those on the endpoint that was asked,
//! 2. the same model by its server's name before another,
//! 3. the best of each endpoint before the second best of any, so that a server that is down is not
//!    asked twice while another waits,
//! 4. by tier, and then in the order of the registry.
//!
//! Embedding models answer for nobody, and nobody for them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::registry::{Model, Registry, RouteError, Source};

/// Most models that may answer for another. A request that has failed on more servers than this is
/// told so.
pub const MAX_FALLBACKS: usize = 7;

/// Who answers a request.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Never empty.
    asked: Vec<Arc<Model>>,
    /// Whether nobody may answer in its place.
    is_alone: bool,
}

impl Plan {
    /// Who answers a request for `name`. `n_in_flight` counts the calls of a model that have not
    /// ended.
    pub fn try_new(
        registry: &Registry,
        name: &str,
        n_in_flight: impl Fn(&Model) -> u64,
    ) -> Result<Self, RouteError> {
        let model = registry.resolve(name)?;
        let mut asked = vec![Arc::clone(model)];
        if !is_pinned(model, name) {
            let endpoint = model.endpoint_id();
            let equals = registry.models().iter().filter(|other| {
                // What servers offer stands in for a configured model, and never takes its calls.
                other.backend_model == model.backend_model
                    && other.source == model.source
                    && other.endpoint_id() != endpoint
            });
            asked.extend(equals.cloned());
        }
        if asked.len() > 1 {
            // Stable: among those that are as busy, the first of the registry stays the first.
            asked.sort_by_cached_key(|model| n_in_flight(model));
        }
        Ok(Self {
            asked,
            is_alone: false,
        })
    }

    /// The model that `name` means, and nobody else.
    pub fn alone(registry: &Registry, name: &str) -> Result<Self, RouteError> {
        Ok(Self {
            asked: vec![Arc::clone(registry.resolve(name)?)],
            is_alone: true,
        })
    }

    /// The model that was asked for: one, or equals, the least busy first.
    pub fn asked(&self) -> &[Arc<Model>] {
        &self.asked
    }

    /// The models of `registry` that may answer for it, in order, at most [`MAX_FALLBACKS`].
    ///
    /// Apart from the rest, because most requests need none and it looks at every model.
    pub fn fallbacks(&self, registry: &Registry) -> Vec<Arc<Model>> {
        let Some(asked) = self.asked.first().filter(|model| model.can_talk()) else {
            return Vec::new();
        };
        if self.is_alone {
            return Vec::new();
        }
        let asked_endpoints: Vec<_> = self.asked.iter().map(|model| model.endpoint_id()).collect();
        let mut others: Vec<_> = registry
            .models()
            .iter()
            .filter(|model| model.can_talk() && self.asked.iter().all(|own| own.id != model.id))
            .collect();
        others.sort_by_key(|model| tier_rank(&model.tier));
        let mut n_before: HashMap<String, usize> = HashMap::new();
        let mut ranked: Vec<_> = others
            .into_iter()
            .map(|model| {
                let endpoint = model.endpoint_id();
                let is_asked_endpoint = asked_endpoints.contains(&endpoint);
                let is_another_model = model.backend_model != asked.backend_model;
                let n_before = n_before.entry(endpoint).or_default();
                let rank = (is_asked_endpoint, is_another_model, *n_before);
                *n_before += 1;
                (rank, model)
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let best = ranked.into_iter().take(MAX_FALLBACKS);
        best.map(|(_, model)| Arc::clone(model)).collect()
    }
}

/// Whether `name` means `model` on its server and on no other.
fn is_pinned(model: &Model, name: &str) -> bool {
    match model.source {
        // The second server of a discovered name is called `name@server`.
        Source::Discovered => model.id != model.backend_model,
        // Its id and aliases are its own; its server's name for it is every such server's.
        Source::Configured => name != model.backend_model || name == model.id,
    }
}

/// The smaller, the sooner. What stays on this machine or in this house comes before the cloud.
fn tier_rank(tier: &str) -> usize {
    const ORDER: [&str; 6] = [
        "production",
        "balanced",
        "fast",
        "heavy",
        "general",
        "discovered",
    ];
    ORDER
        .iter()
        .position(|known| *known == tier)
        .unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::world::{discovered, entry, registry};

    fn ids(models: &[Arc<Model>]) -> Vec<&str> {
        models.iter().map(|model| model.id.as_str()).collect()
    }

    fn plan(registry: &Registry, name: &str) -> Plan {
        Plan::try_new(registry, name, |_| 0).unwrap()
    }

    #[test]
    fn other_endpoints_come_first_each_with_its_best_and_then_by_tier() {
        let registry = registry(&[
            entry("asked", "e1", "fast"),
            entry("neighbour", "e1", "production"),
            entry("cloud", "e4", "cloud"),
            entry("general", "e2", "general"),
            entry("production", "e2", "production"),
            entry("heavy", "e3", "heavy"),
            entry("vectors", "e3", "embedding"),
            entry("bge-reranker", "e3", "fast"),
        ]);
        let plan = plan(&registry, "asked");
        assert_eq!(ids(plan.asked()), ["asked"]);
        assert_eq!(
            ids(&plan.fallbacks(&registry)),
            ["production", "heavy", "cloud", "general", "neighbour"]
        );
    }

    #[test]
    fn the_same_model_elsewhere_comes_before_another() {
        let mut twin = entry("twin", "e3", "lab");
        twin.backend_model = "asked".to_owned();
        let registry = registry(&[
            entry("asked", "e1", "fast"),
            entry("other", "e2", "production"),
            twin,
        ]);
        let plan = plan(&registry, "asked");
        assert_eq!(ids(plan.asked()), ["asked"], "its id is its own");
        assert_eq!(ids(&plan.fallbacks(&registry)), ["twin", "other"]);
    }

    #[test]
    fn nobody_answers_for_an_embedding_model() {
        let registry = registry(&[
            entry("vectors", "e1", "embedding"),
            entry("other", "e2", "fast"),
        ]);
        assert_eq!(
            ids(&plan(&registry, "vectors").fallbacks(&registry)),
            [""; 0]
        );
    }

    #[test]
    fn of_servers_with_the_same_model_the_least_busy_is_asked() {
        let registry = discovered(&[("e1", &["qwen"]), ("e2", &["llama", "qwen"])]);
        let by_load = |loads: [u64; 2], name: &str| {
            let load = |model: &Model| loads[usize::from(model.endpoint_id().starts_with("e2"))];
            let plan = Plan::try_new(&registry, name, load).unwrap();
            ids(plan.asked()).join(" ")
        };
        assert_eq!(by_load([0, 0], "qwen"), "qwen qwen@e2:80");
        assert_eq!(by_load([2, 2], "qwen"), "qwen qwen@e2:80");
        assert_eq!(by_load([2, 1], "qwen"), "qwen@e2:80 qwen");
        assert_eq!(by_load([2, 1], "default"), "qwen@e2:80 qwen");
        assert_eq!(by_load([0, 9], "qwen@e2:80"), "qwen@e2:80", "by its server");
    }

    #[test]
    fn configured_models_are_equal_only_by_the_name_that_both_servers_know() {
        let mut one = entry("one", "e1", "fast");
        let mut two = entry("two", "e2", "fast");
        one.backend_model = "vendor/large".to_owned();
        two.backend_model = "vendor/large".to_owned();
        one.aliases = vec!["quick".to_owned()];
        let registry = registry(&[one, two]);
        assert_eq!(ids(plan(&registry, "vendor/large").asked()), ["one", "two"]);
        for name in ["one", "quick", "default"] {
            assert_eq!(ids(plan(&registry, name).asked()), ["one"], "{name}");
        }
    }

    #[test]
    fn a_model_that_is_meant_alone_has_neither_equals_nor_stand_ins() {
        let registry = discovered(&[("e1", &["qwen"]), ("e2", &["qwen", "llama"])]);
        let plan = Plan::alone(&registry, "qwen").unwrap();
        assert_eq!(ids(plan.asked()), ["qwen"]);
        assert_eq!(ids(&plan.fallbacks(&registry)), [""; 0]);
    }

    #[test]
    fn an_unknown_name_has_no_plan() {
        let registry = registry(&[entry("asked", "e1", "fast")]);
        let error = Plan::try_new(&registry, "zzz", |_| 0).unwrap_err();
        assert!(matches!(error, RouteError::Unknown { .. }));
    }

    proptest! {
        #[test]
        fn every_plan_begins_with_what_was_asked_and_names_nobody_twice(
            models in prop::collection::vec((0_u8..5, 0_u8..4, 0_usize..12, 0_u64..3), 1..20),
            asked in any::<prop::sample::Index>(),
            by_backend in any::<bool>(),
        ) {
            let entries: Vec<_> = models
                .iter()
                .enumerate()
                .map(|(idx, (endpoint, backend, tier, _))| {
                    let tier = owlcoda_config::TIERS[*tier];
                    let mut entry = entry(&format!("model-{idx}"), &format!("e{endpoint}"), tier);
                    entry.backend_model = format!("backend-{backend}");
                    entry
                })
                .collect();
            let registry = registry(&entries);
            let asked = &entries[asked.index(entries.len())];
            let name = if by_backend { &asked.backend_model } else { &asked.id };
            let load_of = |model: &Model| {
                let idx: usize = model.id.trim_start_matches("model-").parse().unwrap();
                models[idx].3
            };
            let plan = Plan::try_new(&registry, name, load_of).unwrap();
            let fallbacks = plan.fallbacks(&registry);

            let all: Vec<_> = plan.asked().iter().chain(&fallbacks).collect();
            let distinct: BTreeSet<_> = all.iter().map(|model| &model.id).collect();
            prop_assert_eq!(distinct.len(), all.len());
            for model in plan.asked() {
                prop_assert!(&model.id == name || &model.backend_model == name);
            }
            prop_assert!(plan.asked().is_sorted_by_key(|model| load_of(model)));

            let own: Vec<_> = plan.asked().iter().map(|model| model.endpoint_id()).collect();
            let is_own = |model: &&Arc<Model>| own.contains(&model.endpoint_id());
            prop_assert!(fallbacks.iter().skip_while(|model| !is_own(model)).all(|model| is_own(&model)));

            let again = Plan::try_new(&registry, name, load_of).unwrap();
            prop_assert_eq!(ids(again.asked()), ids(plan.asked()));
            let again = again.fallbacks(&registry);
            prop_assert_eq!(ids(&again), ids(&fallbacks));
        }
    }
}
