//! What calls cost: by the prices in the configuration, else for models of this house an estimate of
//! the electricity that they take.
//!
//! The estimate goes by the size that a model's server or its name tells: kilowatt-hours for a million tokens read;
//! writing takes twice as much.
//!
//! ```text
//! parameters   below 10B   10B to 40B   40B to 80B   80B and more   not told
//! kWh          0.3         1.2          3.0          5.0            1.2
//! ```

use owlcoda_config::{CostConfig, ModelTarget};
use owlcoda_types::Usage;

use crate::recommend::size_of;
use crate::registry::Model;

/// Where a rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateSource {
    /// `models[].price`.
    Configured,
    /// Electricity, by the size of the model.
    Estimated,
}

impl RateSource {
    /// For people and for the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Estimated => "estimated",
        }
    }
}

/// Money for a million tokens of each kind, in the configured currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens read.
    pub input: f64,
    /// Tokens written.
    pub output: f64,
    /// Tokens that a prompt cache of the server's had.
    pub cache_read: f64,
    /// Tokens that it took up.
    pub cache_write: f64,
    /// Where it comes from.
    pub source: RateSource,
}

impl Rate {
    /// The rate of `model`. None where nothing is known: a model elsewhere without a price.
    pub fn of(model: &Model, config: &CostConfig) -> Option<Self> {
        if let Some(price) = model.price {
            return Some(Self {
                input: price.input,
                output: price.output,
                cache_read: price.cache_read,
                cache_write: price.cache_write,
                source: RateSource::Configured,
            });
        }
        let is_of_this_house = match &model.target {
            ModelTarget::Endpoint(url) => url.is_nearby(),
            ModelTarget::Runtime(_) => true,
        };
        is_of_this_house.then(|| {
            let input = kwh_per_million(model) * config.kwh_price;
            Self {
                input,
                output: 2.0 * input,
                // What is remembered takes next to nothing.
                cache_read: 0.0,
                cache_write: input,
                source: RateSource::Estimated,
            }
        })
    }

    /// What `usage` costs.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let part = |n_tokens: u64, rate: f64| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "counts of tokens are far below 53 bits"
            )]
            let millions = n_tokens as f64 / 1e6;
            millions * rate
        };
        part(usage.input_tokens, self.input)
            + part(usage.output_tokens, self.output)
            + part(usage.cache_read_tokens, self.cache_read)
            + part(usage.cache_write_tokens, self.cache_write)
    }
}

fn kwh_per_million(model: &Model) -> f64 {
    match size_of(model) {
        Some(billions) if billions < 10.0 => 0.3,
        Some(billions) if billions >= 80.0 => 5.0,
        Some(billions) if billions >= 40.0 => 3.0,
        _ => 1.2,
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_config::{ModelConfig, Price};

    use super::*;
    use crate::policy::world::{entry, registry};

    const USAGE: Usage = Usage {
        input_tokens: 1_000_000,
        output_tokens: 500_000,
        cache_read_tokens: 2_000_000,
        cache_write_tokens: 0,
    };

    fn rate(model: ModelConfig) -> Option<Rate> {
        let config = CostConfig {
            kwh_price: 0.5,
            ..CostConfig::default()
        };
        Rate::of(&registry(&[model]).models()[0], &config)
    }

    #[test]
    fn a_model_of_this_house_costs_the_electricity_that_its_size_takes() {
        let cases = [
            ("qwen:7b", 0.15),
            ("qwen:32b", 0.6),
            ("llama-70b", 1.5),
            ("glm-355b", 2.5),
            ("who-knows", 0.6),
        ];
        for (id, input) in cases {
            let rate = rate(entry(id, "127.0.0.1", "fast")).unwrap();
            assert_eq!(
                (rate.input, rate.output, rate.source),
                (input, 2.0 * input, RateSource::Estimated),
                "{id}"
            );
        }
        let rate = rate(entry("qwen:7b", "localhost", "fast")).unwrap();
        assert!((rate.cost(&USAGE) - 0.3).abs() < 1e-9);
    }

    #[test]
    fn a_price_that_is_given_holds_and_elsewhere_nothing_is_made_up() {
        assert_eq!(rate(entry("gpt", "api.example", "cloud")), None);
        let mut model = entry("gpt", "api.example", "cloud");
        model.price = Some(Price {
            input: 3.0,
            output: 15.0,
            cache_read: 0.3,
            cache_write: 3.75,
        });
        let rate = rate(model).unwrap();
        assert_eq!(rate.source, RateSource::Configured);
        assert!((rate.cost(&USAGE) - (3.0 + 7.5 + 0.6)).abs() < 1e-9);
    }
}
