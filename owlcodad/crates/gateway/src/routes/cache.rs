//! `GET` and `DELETE /v1/cache`: the response cache.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::{Gateway, reply};

pub(crate) async fn stats(State(gateway): State<Gateway>) -> Response {
    let stats = gateway.pipeline.standing().cache_stats();
    let document = json!({
        "enabled": stats.config.is_enabled,
        "size": stats.n_entries,
        "maxEntries": stats.config.max_entries,
        "currentBytes": stats.n_bytes,
        "maxBytes": stats.config.max_bytes,
        "ttlMs": reply::millis(stats.config.ttl),
        "totalHits": stats.n_hits,
        "totalMisses": stats.n_misses,
        "hitRate": stats.hit_rate(),
    });
    reply::json(document.to_string())
}

pub(crate) async fn clear(State(gateway): State<Gateway>) -> Response {
    let n_cleared = gateway.pipeline.standing().clear_cache();
    reply::json(json!({ "status": "cleared", "cleared": n_cleared }).to_string())
}
