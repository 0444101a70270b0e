//! Which answers stay, and which go.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn config(max_entries: usize, max_bytes: usize) -> CacheConfig {
    CacheConfig {
        is_enabled: true,
        max_entries,
        max_bytes,
        ttl: Duration::from_mins(1),
    }
}

fn cache(config: CacheConfig) -> Cache {
    let cache = Cache::default();
    cache.configure(config);
    cache
}

fn key(n: u8) -> Key {
    [n; 32]
}

fn kept(n_bytes: usize) -> Kept {
    Kept {
        body: Bytes::from(vec![b' '; n_bytes]),
        model: "m".to_owned(),
        dropped: Vec::new(),
    }
}

#[test]
fn an_answer_is_given_until_its_time_is_over() {
    let cache = cache(config(2, 1 << 20));
    let begin = Instant::now();
    assert_eq!(cache.get(&key(1), begin), None);
    cache.put(key(1), kept(5), begin);
    let later = begin + Duration::from_millis(59_999);
    assert_eq!(cache.get(&key(1), later).as_deref(), Some(&kept(5)));
    // Being used makes it no younger.
    assert_eq!(cache.get(&key(1), begin + Duration::from_mins(1)), None);
    let stats = cache.stats();
    assert_eq!((stats.n_hits, stats.n_misses), (1, 2));
    assert_eq!((stats.n_entries, stats.n_bytes), (0, 0));
}

#[test]
fn the_one_that_was_not_used_for_longest_goes_first() {
    let cache = cache(config(2, 1 << 20));
    let now = Instant::now();
    cache.put(key(1), kept(5), now);
    cache.put(key(2), kept(5), now);
    assert!(cache.get(&key(1), now).is_some());
    cache.put(key(3), kept(5), now);
    let is_there = [1, 2, 3].map(|n| cache.get(&key(n), now).is_some());
    assert_eq!(is_there, [true, false, true]);
}

#[test]
fn new_limits_hold_at_once_and_a_cache_that_is_off_keeps_nothing() {
    let cache = cache(config(10, 1 << 20));
    let now = Instant::now();
    for n in 0..10 {
        cache.put(key(n), kept(5), now);
    }
    cache.configure(config(3, 1 << 20));
    assert_eq!(cache.stats().n_entries, 3);
    assert!(cache.get(&key(9), now).is_some());
    cache.configure(CacheConfig {
        is_enabled: false,
        ..config(3, 1 << 20)
    });
    cache.put(key(1), kept(5), now);
    assert_eq!(cache.stats().n_entries, 0);
    assert_eq!(cache.clear(), 0);
}

#[test]
fn an_answer_larger_than_the_cache_is_not_kept() {
    let cache = cache(config(10, 1000));
    cache.put(key(1), kept(1000), Instant::now());
    assert_eq!(cache.stats().n_entries, 0);
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed_and_the_count_of_bytes_is_right(
        steps in prop::collection::vec((0_u8..12, 0_usize..900, any::<bool>(), 0_u64..40), 0..200),
    ) {
        let limits = config(5, 4000);
        let cache = cache(limits);
        let mut now = Instant::now();
        for (n, n_bytes, is_put, wait) in steps {
            now += Duration::from_secs(wait);
            if is_put {
                cache.put(key(n), kept(n_bytes), now);
                prop_assert!(cache.get(&key(n), now).is_some());
            } else {
                cache.get(&key(n), now);
            }
            let shelf = cache.shelf.lock();
            let n_bytes: usize = shelf.entries.values().map(|entry| entry.kept.n_bytes()).sum();
            prop_assert_eq!(shelf.stats.n_bytes, n_bytes);
            prop_assert_eq!(shelf.stats.n_entries, shelf.entries.len());
            prop_assert_eq!(shelf.order.len(), shelf.entries.len());
            prop_assert!(shelf.entries.len() <= limits.max_entries && n_bytes <= limits.max_bytes);
        }
    }
}
