//! `owlctl cache`: the response cache.

use owlcoda_proto::v1::{ClearCacheRequest, GetCacheRequest, GetCacheResponse};
use serde::Serialize;

use super::percent;
use crate::cli::insight::CacheVerb;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Stats {
    is_enabled: bool,
    n_entries: u64,
    max_entries: u64,
    n_bytes: u64,
    max_bytes: u64,
    /// How long an answer is given again.
    ttl_secs: f64,
    n_hits: u64,
    n_misses: u64,
    /// From 0 to 1.
    hit_rate: f64,
}

#[derive(Serialize)]
struct Cleared {
    /// Answers that were forgotten.
    n_cleared: u64,
}

pub(super) async fn run(context: &Context<'_>, verb: CacheVerb) -> Result<Report, CommandError> {
    let is_json = context.global.json;
    let client = context.connect().await?;
    Ok(match verb {
        CacheVerb::Stats => {
            let stats = client.figures().get_cache(GetCacheRequest {}).await?;
            let stats = stats.into_inner();
            Report::data(if is_json {
                to_json(&stats)
            } else {
                to_text(&stats)
            })
        }
        CacheVerb::Clear => {
            let cleared = client.figures().clear_cache(ClearCacheRequest {}).await?;
            clear(cleared.into_inner().n_cleared, is_json)
        }
    })
}

fn clear(n_cleared: u64, is_json: bool) -> Report {
    Report::data(if is_json {
        json("CacheCleared", &Cleared { n_cleared })
    } else {
        format!("{} forgotten\n", quantity::of(n_cleared, "answer"))
    })
}

fn to_text(stats: &GetCacheResponse) -> String {
    if !stats.is_enabled {
        return "off: `cache.enabled` turns it on\n".to_owned();
    }
    format!(
        "{} of {}, {} of {}, each for {}\n{} and {}: {} of what it could answer\n",
        quantity::of(stats.n_entries, "answer"),
        quantity::count(stats.max_entries),
        quantity::size(stats.n_bytes),
        quantity::size(stats.max_bytes),
        quantity::span(stats.ttl_ms),
        quantity::of(stats.n_hits, "hit"),
        match stats.n_misses {
            1 => "1 miss".to_owned(),
            n => format!("{} misses", quantity::count(n)),
        },
        percent(stats.hit_rate),
    )
}

fn to_json(stats: &GetCacheResponse) -> String {
    let stats = Stats {
        is_enabled: stats.is_enabled,
        n_entries: stats.n_entries,
        max_entries: stats.max_entries,
        n_bytes: stats.n_bytes,
        max_bytes: stats.max_bytes,
        ttl_secs: quantity::secs(stats.ttl_ms),
        n_hits: stats.n_hits,
        n_misses: stats.n_misses,
        hit_rate: stats.hit_rate,
    };
    json("CacheStats", &stats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn the_cache_is_told_with_its_limits() {
        let stats = GetCacheResponse {
            is_enabled: true,
            n_entries: 12,
            max_entries: 100,
            n_bytes: 23_456,
            max_bytes: 16 << 20,
            ttl_ms: 300_000,
            n_hits: 3,
            n_misses: 1,
            hit_rate: 0.75,
        };
        golden::check("cache_stats", &to_text(&stats));
        golden::check("cache_stats_json", &to_json(&stats));
        let off = to_text(&GetCacheResponse::default());
        assert!(off.contains("cache.enabled"), "{off}");
        assert_eq!(clear(1, false).stdout, "1 answer forgotten\n");
        golden::check("cache_cleared_json", &clear(7, true).stdout);
    }
}
