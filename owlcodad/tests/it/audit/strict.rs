//! `audit.mode: strict`: no call without a record, also where the disk fails or the daemon is killed.

use std::os::unix::fs::PermissionsExt as _;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::process::{owlcodad, owlctl};
use crate::world::{MODEL, Route, config, once, start, until, with};

fn strict(upstream: &FakeUpstream) -> Value {
    with(config(upstream), json!({"audit": {"mode": "strict"}}))
}

/// A program that is the daemon, but for a signal: a write past the limit of its files is an error
/// and not its end.
fn unlimited(dir: &std::path::Path) -> std::path::PathBuf {
    let program = dir.join("owlcodad");
    let daemon = owlcodad();
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n",
        daemon.display()
    );
    fs_err::write(&program, script).unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Lets the daemon write files of at most so many bytes: the nearest to a disk that is full, without
/// being root.
fn limit_files(daemon: &TestDaemon, max_bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    let limit = Rlimit {
        current: max_bytes,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

#[tokio::test]
async fn with_a_strict_audit_no_model_is_asked_while_nothing_can_be_recorded() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let dir = tempfile::tempdir().unwrap();
    let builder = TestDaemon::builder().bin(unlimited(dir.path()));
    let daemon = builder.config(once(config(&upstream))).start().await;
    let ask = async |route: Route| {
        let body = route.ask(MODEL).to_string();
        http::post(&route.url(&daemon), body).await
    };
    assert_eq!(ask(Route::Chat).await.status, 200);
    limit_files(&daemon, Some(1));
    // As it comes nobody waits for a record.
    for _ in 0..3 {
        assert_eq!(ask(Route::Chat).await.status, 200);
    }

    // The same daemon, told otherwise.
    limit_files(&daemon, None);
    daemon.write_config(once(strict(&upstream)));
    let reloaded = owlctl(&daemon, &["reload"]).await;
    assert_eq!(reloaded.status, Some(0), "{reloaded:?}");
    until("the store to be well", async || {
        (owlctl(&daemon, &["health", "-q"]).await.status == Some(0)).then_some(())
    })
    .await;
    assert_eq!(ask(Route::Messages).await.status, 200);
    limit_files(&daemon, Some(1));
    let refused = until("a refusal", async || {
        Some(ask(Route::Messages).await).filter(|answer| answer.status != 200)
    })
    .await;
    assert_eq!(refused.status, 503);

    let n_asked = upstream.requests().len();
    for route in Route::BOTH {
        let refused = ask(route).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(refused.header("retry-after"), Some("1"));
        let (_, words) = route.error(&refused.json());
        assert!(words.contains("cannot be recorded now"), "{words}");
    }
    assert_eq!(upstream.requests().len(), n_asked, "a model was asked");
    let health = owlctl(&daemon, &["health"]).await;
    assert_eq!(health.status, Some(5), "{health:?}");
    assert!(
        health.stdout.contains("`audit.mode` is `strict`"),
        "{health:?}"
    );
    let metrics = http::get(&format!("{}/metrics", daemon.url())).await.text();
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("owlcoda_audit_refused_total "));
    assert!(counted.unwrap().parse::<u64>().unwrap() >= 3, "{metrics}");

    limit_files(&daemon, None);
    until("calls to be served again", async || {
        (ask(Route::Chat).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_strict_audit_has_the_record_of_every_answer_that_was_given_before_a_kill() {
    #[expect(clippy::disallowed_methods, reason = "how often, for a run at length")]
    let n_kills = std::env::var("OWLCODA_STRICT_KILLS").map_or(5, |text| text.parse().unwrap());
    let upstream = FakeUpstream::start().await;
    let mut daemon = start(strict(&upstream)).await;
    for kill in 0..n_kills {
        upstream.script(Script::reply("ok"));
        upstream.script(Script::text_stream(&["o", "k"]));
        let mut answered = Vec::new();
        for body in [Route::Chat.ask(MODEL), Route::Messages.ask_stream(MODEL)] {
            let route = Route::BOTH[usize::from(body["stream"].is_null())];
            let answer = http::post(&route.url(&daemon), body.to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answered.push(answer.header("request-id").unwrap().to_owned());
        }
        daemon.kill9().await;
        daemon.restart().await;
        let page = owlctl(&daemon, &["audit", "--limit", "2", "--json"])
            .await
            .json();
        let records = page["records"].as_array().unwrap().iter().rev();
        let ids: Vec<_> = records.map(|record| record["request_id"].clone()).collect();
        assert_eq!(ids, answered, "kill {kill}: {page}");
    }
    println!("kills {n_kills} just after an answer, lost 0");
}
