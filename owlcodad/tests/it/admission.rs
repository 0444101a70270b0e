//! Who is let in: by name, by page, by token, by user.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, TestDaemonBuilder, http};
use serde_json::{Value, json};

/// Nobody's, on every system.
const OTHER_UID: u32 = 65_534;

/// Names and values of header fields.
type Headers<'a> = &'a [(&'a str, &'a str)];

const BODY: &str = r#"{"model": "small", "max_tokens": 8,
    "messages": [{"role": "user", "content": "hi"}]}"#;

fn daemon(config: Value) -> TestDaemonBuilder {
    TestDaemon::builder()
        .bin(env!("CARGO_BIN_EXE_owlcodad"))
        .config(config)
}

fn alone() -> Value {
    json!({"discovery": {"enabled": false}})
}

fn with_auth(inference: &str, data: &str) -> Value {
    json!({"discovery": {"enabled": false}, "auth": {"inference": inference, "data": data}})
}

fn authority(daemon: &TestDaemon) -> &str {
    http::split(daemon.url()).0
}

fn port(daemon: &TestDaemon) -> &str {
    let (_, port) = authority(daemon).rsplit_once(':').unwrap();
    port
}

fn token(daemon: &TestDaemon) -> String {
    let written = fs_err::read_to_string(daemon.home().join("auth/token")).unwrap();
    written.trim().to_owned()
}

/// How often requests were refused for this reason.
async fn n_rejected(daemon: &TestDaemon, reason: &str) -> u32 {
    let metrics = http::get(&format!("{}/metrics", daemon.url())).await.text();
    let series = format!("owlcoda_http_rejected_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_status_and_reason_and_the_connection_goes_on() {
    let upstream = FakeUpstream::start().await;
    let config = json!({"models": [
        {"id": "small", "endpoint": upstream.url(), "default": true}]});
    let daemon = daemon(config).start().await;
    let (authority, port) = (authority(&daemon), port(&daemon));
    let rebound = format!("evil.com:{port}");
    let prefixed = format!("127.0.0.1.evil.com:{port}");
    let user = format!("evil@127.0.0.1:{port}");
    let cases: [(Headers<'_>, u16, &str); 9] = [
        (&[("host", &rebound)], 403, "host"),
        (&[("host", &prefixed)], 403, "host"),
        (&[("host", "127.0.0.1")], 403, "host"),
        (&[("host", &user)], 400, "malformed_host"),
        (
            &[("host", authority), ("host", authority)],
            400,
            "malformed_host",
        ),
        (&[("origin", "http://evil.com")], 403, "origin"),
        (&[("origin", "null")], 403, "origin"),
        (&[("sec-fetch-site", "cross-site")], 403, "fetch_site"),
        (&[("sec-fetch-site", "same-site")], 403, "fetch_site"),
    ];
    let routes = [
        ("POST", "/v1/messages"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/health"),
        ("OPTIONS", "/v1/messages"),
        ("GET", "/nothing"),
    ];
    let mut connection = http::Connection::open(authority).await;
    for (headers, status, reason) in cases {
        let before = n_rejected(&daemon, reason).await;
        for (method, path) in routes {
            let body = if method == "POST" { BODY } else { "" };
            let bytes = http::encode(method, authority, path, headers, body.as_bytes());
            connection.send(bytes).await;
            let answer = connection.response().await;
            assert_eq!(answer.status, status, "{method} {path} {headers:?}");
            let is_cors = |name: &str| name.starts_with("access-control");
            assert!(
                !answer.headers.iter().any(|(name, _)| is_cors(name)),
                "{answer:?}"
            );
            assert!(answer.header("request-id").is_some());
        }
        let n_new = n_rejected(&daemon, reason).await - before;
        assert_eq!(n_new, 6, "{reason}");
    }
    assert_eq!(upstream.n_connections(), 0, "a refused call went on");

    upstream.script(Script::reply("hello"));
    let bytes = http::encode("POST", authority, "/v1/messages", &[], BODY.as_bytes());
    connection.send(bytes).await;
    let answer = connection.response().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_callers_dialect_and_says_the_way_out() {
    let daemon = daemon(alone()).start().await;
    let anthropic = ("anthropic-version", "2023-06-01");
    let evil = ("host", "evil.com");
    let url = |path: &str| format!("{}{path}", daemon.url());
    for (path, headers) in [
        ("/v1/messages", &[evil][..]),
        ("/v1/messages/count_tokens", &[evil]),
        ("/v1/models", &[evil, anthropic]),
    ] {
        let answer = http::request("GET", &url(path), headers, "").await;
        let body = answer.json();
        assert_eq!(body["type"], "error", "{path}: {body}");
        assert_eq!(body["error"]["type"], "permission_error", "{path}: {body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("server.allowedHosts"), "{message}");
    }
    let url = url("/v1/chat/completions");
    let body = http::request("POST", &url, &[evil], BODY).await.json();
    assert_eq!(body["error"]["code"], "forbidden", "{body}");
    assert_eq!(body["error"]["param"], Value::Null, "{body}");
}

#[tokio::test]
async fn a_request_is_refused_before_its_body_is_read() {
    let daemon = daemon(alone()).start().await;
    let headers = [
        ("origin", "http://evil.com"),
        ("content-length", "1000000000"),
    ];
    let authority = authority(&daemon);
    let head = http::encode("POST", authority, "/v1/messages", &headers, b"");
    let mut connection = http::raw(authority, head).await;
    assert_eq!(connection.response().await.status, 403);
}

#[tokio::test]
async fn a_request_without_a_host_or_for_another_than_its_target_is_malformed() {
    let daemon = daemon(alone()).start().await;
    let authority = authority(&daemon);
    let cases = [
        ("GET /health HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nhost:\r\n\r\n".to_owned(), 400),
        (
            format!("GET http://evil.com/health HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
            400,
        ),
        (
            format!("GET http://{authority}/health HTTP/1.1\r\nhost: evil.com\r\n\r\n"),
            400,
        ),
        (
            format!("GET http://{authority}/health HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
            200,
        ),
        (
            format!("CONNECT evil.com:80 HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
            400,
        ),
        (
            format!("OPTIONS * HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
            404,
        ),
        (
            format!("GET /health HTTP/1.1\r\nhost: {authority}\r\nupgrade: h2c\r\n\r\n"),
            200,
        ),
    ];
    for (request, status) in cases {
        let mut connection = http::raw(authority, &request).await;
        assert_eq!(connection.response().await.status, status, "{request:?}");
    }
}

#[tokio::test]
async fn a_caller_who_speaks_http2_is_told_that_this_is_http1() {
    let daemon = daemon(alone()).start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut connection = http::raw(authority(&daemon), preface).await;
    let all = connection.read_to_close().await.unwrap();
    let text = String::from_utf8(all).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert!(
        text.ends_with("\r\n\r\nthis port speaks HTTP/1.1\n"),
        "{text}"
    );
    let health = http::get(&format!("{}/health", daemon.url())).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn pages_and_names_in_the_configuration_are_let_in_without_cors() {
    let config = json!({"discovery": {"enabled": false}, "server": {
        "allowedHosts": ["owl.lan:80"], "allowedOrigins": ["http://localhost:3000"]}});
    let daemon = daemon(config).start().await;
    let url = format!("{}/v1/models", daemon.url());
    let own = daemon.url().to_owned();
    for headers in [
        [("host", "owl.lan"), ("accept", "*/*")],
        [
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "same-site"),
        ],
        [("origin", &own), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = http::request("GET", &url, &headers, "").await;
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let preflight = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
    ];
    let answer = http::request("OPTIONS", &url, &preflight, "").await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn whatever_key_a_client_of_our_user_sends_is_ignored() {
    let daemon = daemon(with_auth("same-uid", "same-uid")).start().await;
    let url = format!("{}/v1/models", daemon.url());
    for header in [
        ("accept", "*/*"),
        ("authorization", "Bearer sk-local"),
        ("x-api-key", "local"),
        ("authorization", "Basic bG9jYWw="),
    ] {
        let answer = http::request("GET", &url, &[header], "").await;
        assert_eq!(answer.status, 200, "{header:?}");
    }
}

#[tokio::test]
async fn in_token_mode_the_token_and_nothing_else_opens() {
    let mut daemon = daemon(with_auth("token", "token")).start().await;
    let token = token(&daemon);
    let bearer = format!("Bearer {token}");
    let part = format!("Bearer {}", token.chars().take(63).collect::<String>());
    let wrong = format!("Bearer {}", "0".repeat(64));
    let models = "/v1/models";
    let in_query = format!("/v1/models?token={token}&x-api-key={token}");
    let cases: [(&str, Headers<'_>, u16); 9] = [
        (models, &[("authorization", &bearer)], 200),
        (models, &[("x-api-key", &token)], 200),
        (
            models,
            &[("x-api-key", "local"), ("authorization", &bearer)],
            200,
        ),
        (models, &[], 401),
        (models, &[("authorization", &wrong)], 401),
        (models, &[("authorization", &part)], 401),
        (&in_query, &[], 401),
        ("/health", &[], 200),
        ("/nothing", &[], 404),
    ];
    for (path, headers, status) in cases {
        let url = format!("{}{path}", daemon.url());
        let answer = http::request("GET", &url, headers, "").await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
        let asks = (status == 401).then_some("Bearer");
        assert_eq!(answer.header("www-authenticate"), asks);
        assert!(!answer.text().contains(&token));
    }
    let url = format!("{}/v1/messages", daemon.url());
    let refused = http::post(&url, BODY).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["error"]["type"], "authentication_error");
    assert_eq!(n_rejected(&daemon, "token").await, 5);

    daemon.restart().await;
    let url = format!("{}/v1/models", daemon.url());
    let answer = http::request("GET", &url, &[("x-api-key", &token)], "").await;
    assert_eq!(answer.status, 200, "the token outlives the daemon");
    assert!(!daemon.stderr().contains(&token));
}

#[tokio::test]
async fn a_token_that_others_could_read_keeps_the_daemon_from_starting() {
    let mut daemon = daemon(alone()).start().await;
    let path = daemon.home().join("auth/token");
    let mode = |path: &std::path::Path| fs_err::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path) & 0o777, 0o600);
    assert_eq!(mode(&daemon.home().join("auth")) & 0o777, 0o700);

    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let refused = daemon.try_restart().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    let way_out = format!("chmod 600 {}", path.display());
    assert!(refused.stderr.contains(&way_out), "{}", refused.stderr);
}

/// What the daemon answers to a process of another user, from the first byte to the last; `None`
/// where this process may not start one.
fn as_another_user(daemon: &TestDaemon, path: &str, header: &str) -> Option<String> {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can start a process of another user");
        return None;
    }
    let (authority, port) = (authority(daemon), port(daemon));
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n{header}\r\n");
    let script = r#"exec 3<>"/dev/tcp/127.0.0.1/$1" && printf %s "$2" >&3 && cat <&3"#;
    #[expect(
        clippy::disallowed_methods,
        reason = "a caller, not a process of the daemon's"
    )]
    let output = Command::new("bash")
        .args(["-c", script, "bash", port, &request])
        .uid(OTHER_UID)
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| unreachable!("bash: {error}"));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn another_user_of_the_machine_is_refused_unless_it_has_the_token() {
    let daemon = daemon(alone()).start().await;
    let Some(refused) = as_another_user(&daemon, "/v1/models", "") else {
        return;
    };
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(refused.contains(r#""code":"forbidden""#), "{refused}");
    assert_eq!(n_rejected(&daemon, "peer").await, 1);

    let key = "x-api-key: local\r\n";
    let refused = as_another_user(&daemon, "/v1/models", key).unwrap_or_default();
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");

    let key = format!("x-api-key: {}\r\n", token(&daemon));
    let answer = as_another_user(&daemon, "/v1/models", &key).unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = as_another_user(&daemon, "/health", "").unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn without_authentication_everybody_is_let_in_and_the_log_warns() {
    let daemon = daemon(with_auth("none", "token")).start().await;
    let url = format!("{}/v1/models", daemon.url());
    assert_eq!(http::get(&url).await.status, 200);
    crate::world::until("the warning in the log", async || {
        daemon.stderr().contains("NO_AUTH").then_some(())
    })
    .await;
    if let Some(answer) = as_another_user(&daemon, "/v1/models", "") {
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn other_machines_are_let_in_only_with_leave_and_with_the_token() {
    let refused = daemon(json!({"host": "0.0.0.0"})).try_start().await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(refused.stderr.contains("BAD_HOST"), "{refused}");

    let remote = json!({"host": "0.0.0.0", "server": {"allowRemote": true},
        "discovery": {"enabled": false}});
    let refused = daemon(remote.clone()).try_start().await.unwrap_err();
    assert!(refused.stderr.contains("REMOTE_WITHOUT_TOKEN"), "{refused}");

    let mut allowed = remote;
    allowed["auth"] = json!({"inference": "token", "data": "token"});
    let daemon = daemon(allowed).start().await;
    let url = format!("http://127.0.0.1:{}/v1/models", port(&daemon));
    assert_eq!(http::get(&url).await.status, 401);
    let token = token(&daemon);
    let answer = http::request("GET", &url, &[("x-api-key", &token)], "").await;
    assert_eq!(answer.status, 200);
    let foreign = [("x-api-key", token.as_str()), ("host", "owl.lan")];
    let answer = http::request("GET", &url, &foreign, "").await;
    assert_eq!(answer.status, 403, "a wildcard is no leave for every name");
}
