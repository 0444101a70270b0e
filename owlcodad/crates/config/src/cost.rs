//! What calls cost.

use crate::raw::{RawCost, RawPrice};

/// How costs are told and estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct CostConfig {
    /// Currency of every price, for people.
    pub currency: String,
    /// Price of a kilowatt-hour, in that currency; what models of this house cost goes by it.
    pub kwh_price: f64,
}

impl Default for CostConfig {
    fn default() -> Self {
        Self {
            currency: "CNY".to_owned(),
            kwh_price: 0.6,
        }
    }
}

/// What a model's server asks for a million tokens of each kind, in [`CostConfig::currency`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Tokens read.
    pub input: f64,
    /// Tokens written.
    pub output: f64,
    /// Tokens that its prompt cache had.
    pub cache_read: f64,
    /// Tokens that its prompt cache took up.
    pub cache_write: f64,
}

pub(crate) fn resolve(raw: RawCost) -> CostConfig {
    let default = CostConfig::default();
    CostConfig {
        currency: raw.currency.unwrap_or(default.currency),
        kwh_price: raw.kwh_price.unwrap_or(default.kwh_price),
    }
}

/// None where a required part is missing, which is reported by then.
pub(crate) fn price(raw: &RawPrice) -> Option<Price> {
    let (input, output) = (raw.input?, raw.output?);
    Some(Price {
        input,
        output,
        cache_read: raw.cache_read.unwrap_or(input),
        cache_write: raw.cache_write.unwrap_or(input),
    })
}
