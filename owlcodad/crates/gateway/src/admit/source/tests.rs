//! Requests by their target and headers, and what is said of each.

use owlcoda_config::{Environment, FileTrust, parse};

use super::*;

/// The word for a request that passes, and for each way in which it does not.
fn verdict(source: &Source, target: &str, headers: &[(&str, &str)]) -> &'static str {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    match source.check(&target.parse().unwrap(), &map) {
        Ok(()) => "ok",
        Err(Denied::NoHost) => "no host",
        Err(Denied::TwoHosts) => "two hosts",
        Err(Denied::BadHost) => "bad host",
        Err(Denied::TargetDisagrees) => "target",
        Err(Denied::ForeignHost { .. }) => "foreign host",
        Err(Denied::ForeignOrigin { .. }) => "foreign origin",
        Err(Denied::OtherSite) => "other site",
        Err(other) => panic!("{other:?}"),
    }
}

fn source(config: &str, bound: &str) -> Source {
    let loaded = parse(config, &Environment::default(), &FileTrust::FULL).unwrap();
    Source::new(&loaded.config.server, bound.parse().unwrap())
}

fn default_source() -> Source {
    source("{}", "127.0.0.1:8019")
}

#[test]
fn a_host_is_ours_by_its_whole_name_and_the_port() {
    let source = default_source();
    let cases = [
        ("127.0.0.1:8019", "ok"),
        ("localhost:8019", "ok"),
        ("LOCALHOST:8019", "ok"),
        ("[::1]:8019", "ok"),
        ("[0:0::1]:8019", "ok"),
        ("127.0.0.1", "foreign host"),
        ("localhost", "foreign host"),
        ("localhost:", "foreign host"),
        ("localhost:80", "foreign host"),
        ("localhost:8018", "foreign host"),
        ("localhost:80190", "bad host"),
        ("localhost:8019:8019", "bad host"),
        ("localhost:8019/", "bad host"),
        ("localhost :8019", "bad host"),
        ("localhost:8019,evil.com", "bad host"),
        ("localhost.:8019", "foreign host"),
        ("localhost.evil.com:8019", "foreign host"),
        ("127.0.0.1.evil.com:8019", "foreign host"),
        ("127.0.0.1.:8019", "foreign host"),
        ("evil-localhost:8019", "foreign host"),
        ("evil.com:8019", "foreign host"),
        ("evil.com", "foreign host"),
        ("127.1:8019", "foreign host"),
        ("127.0.0.2:8019", "foreign host"),
        ("2130706433:8019", "foreign host"),
        ("0.0.0.0:8019", "foreign host"),
        ("[::]:8019", "foreign host"),
        ("[::ffff:127.0.0.1]:8019", "foreign host"),
        ("::1:8019", "bad host"),
        ("[::1%25lo]:8019", "bad host"),
        ("user@localhost:8019", "bad host"),
        ("localhost:8019@evil.com", "bad host"),
        ("http://localhost:8019", "bad host"),
        ("*", "bad host"),
        ("löcalhost:8019", "bad host"),
        ("", "bad host"),
    ];
    for (host, expected) in cases {
        let found = verdict(&source, "/health", &[("host", host)]);
        assert_eq!(found, expected, "{host:?}");
    }
}

#[test]
fn a_host_is_named_once_and_as_in_the_target() {
    let source = default_source();
    let ours = ("host", "127.0.0.1:8019");
    assert_eq!(verdict(&source, "/", &[]), "no host");
    assert_eq!(verdict(&source, "/", &[ours, ours]), "two hosts");
    let cases = [
        ("http://127.0.0.1:8019/health", "ok"),
        ("127.0.0.1:8019", "ok"),
        ("*", "ok"),
        ("http://localhost:8019/health", "target"),
        ("http://evil.com:8019/health", "target"),
        ("http://127.0.0.1/health", "target"),
        ("http://user@127.0.0.1:8019/health", "target"),
        ("https://127.0.0.1:8019/health", "target"),
        ("evil.com:8019", "target"),
    ];
    for (target, expected) in cases {
        assert_eq!(verdict(&source, target, &[ours]), expected, "{target}");
    }
    let evil = [("host", "evil.com:8019")];
    assert_eq!(
        verdict(&source, "http://evil.com:8019/", &evil),
        "foreign host"
    );
}

#[test]
fn a_page_is_ours_by_its_whole_origin() {
    let source = default_source();
    let cases: [(&[&str], &[&str], &str); 22] = [
        (&[], &[], "ok"),
        (&["http://127.0.0.1:8019"], &[], "ok"),
        (&["http://localhost:8019"], &["same-origin"], "ok"),
        (&["http://localhost:8019"], &["same-site"], "ok"),
        (&["http://localhost:8019"], &["cross-site"], "ok"),
        (&[], &["none"], "ok"),
        (&[], &["same-origin"], "ok"),
        (&[], &["cross-site"], "other site"),
        (&[], &["same-site"], "other site"),
        (&[], &["Cross-Site"], "other site"),
        (&[], &[""], "other site"),
        (&[], &["none", "cross-site"], "other site"),
        (&["null"], &[], "foreign origin"),
        (&["null"], &["same-origin"], "foreign origin"),
        (&[""], &[], "foreign origin"),
        (&["http://evil.com"], &["same-origin"], "foreign origin"),
        (&["http://localhost:3000"], &[], "foreign origin"),
        (&["https://localhost:8019"], &[], "foreign origin"),
        (&["http://localhost:8019.evil.com"], &[], "foreign origin"),
        (&["http://localhost:8019/"], &[], "foreign origin"),
        (
            &["http://localhost:8019 http://evil.com"],
            &[],
            "foreign origin",
        ),
        (
            &["http://localhost:8019", "http://evil.com"],
            &[],
            "foreign origin",
        ),
    ];
    for (origins, sites, expected) in cases {
        let mut headers = vec![("host", "localhost:8019")];
        headers.extend(origins.iter().map(|origin| ("origin", *origin)));
        headers.extend(sites.iter().map(|site| ("sec-fetch-site", *site)));
        assert_eq!(verdict(&source, "/", &headers), expected, "{headers:?}");
    }
}

#[test]
fn a_foreign_host_is_told_of_before_a_foreign_page() {
    let headers = [
        ("host", "evil.com:8019"),
        ("origin", "http://evil.com:8019"),
    ];
    assert_eq!(verdict(&default_source(), "/", &headers), "foreign host");
}

#[test]
fn the_configuration_adds_names_and_origins_and_takes_none_away() {
    let config = r#"{"server": {"allowedHosts": ["Owl.lan", "front.lan:80"],
        "allowedOrigins": ["http://Localhost:3000", "chrome-extension://abc"]}}"#;
    let source = source(config, "127.0.0.1:8019");
    for (host, expected) in [
        ("owl.lan:8019", "ok"),
        ("owl.lan", "foreign host"),
        ("front.lan", "ok"),
        ("front.lan:8019", "foreign host"),
        ("127.0.0.1:8019", "ok"),
    ] {
        assert_eq!(verdict(&source, "/", &[("host", host)]), expected, "{host}");
    }
    for (origin, expected) in [
        ("http://localhost:3000", "ok"),
        ("chrome-extension://abc", "ok"),
        ("chrome-extension://abcd", "foreign origin"),
        ("http://127.0.0.1:8019", "ok"),
    ] {
        let headers = [("host", "localhost:8019"), ("origin", origin)];
        assert_eq!(verdict(&source, "/", &headers), expected, "{origin}");
    }
}

#[test]
fn the_address_that_is_listened_on_is_a_name_of_ours() {
    for (bound, host, origin, expected) in [
        ("127.0.0.9:80", "127.0.0.9", "http://127.0.0.9", "ok"),
        ("127.0.0.9:80", "localhost:80", "http://localhost", "ok"),
        (
            "127.0.0.9:80",
            "localhost",
            "http://localhost:80",
            "foreign origin",
        ),
        ("[::1]:8019", "[::1]:8019", "http://[::1]:8019", "ok"),
        (
            "192.0.2.7:8019",
            "192.0.2.7:8019",
            "http://192.0.2.7:8019",
            "ok",
        ),
        (
            "0.0.0.0:8019",
            "127.0.0.1:8019",
            "http://127.0.0.1:8019",
            "ok",
        ),
        (
            "0.0.0.0:8019",
            "0.0.0.0:8019",
            "http://127.0.0.1:8019",
            "foreign host",
        ),
        (
            "0.0.0.0:8019",
            "192.0.2.7:8019",
            "http://127.0.0.1:8019",
            "foreign host",
        ),
    ] {
        let source = source("{}", bound);
        let headers = [("host", host), ("origin", origin)];
        assert_eq!(
            verdict(&source, "/", &headers),
            expected,
            "{bound} {host} {origin}"
        );
    }
}
