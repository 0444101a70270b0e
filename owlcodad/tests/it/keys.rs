//! Keys of the configuration whose effect shows nowhere else, and the variables that stand for
//! them.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::{owlctl, run};
use crate::world::{MODEL, Route, config, daemon, nothing, start, until, with};

/// The port that a daemon serves on.
fn port(daemon: &TestDaemon) -> u16 {
    daemon.url().rsplit(':').next().unwrap().parse().unwrap()
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    let upstream = FakeUpstream::start().await;
    let port = upstream.addr().port();
    upstream.stop().await;
    port
}

#[tokio::test]
async fn the_model_in_an_answer_is_our_id_or_what_the_caller_wrote() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    for (style, expected) in [
        (None, MODEL),
        (Some("platform"), MODEL),
        (Some("requested"), "mini"),
    ] {
        let daemon = start(with(
            config(&upstream),
            json!({"responseModelStyle": style}),
        ))
        .await;
        for route in Route::BOTH {
            let answer = http::post(&route.url(&daemon), route.ask("mini").to_string()).await;
            assert_eq!(answer.json()["model"], expected, "{style:?} {route:?}");
            let answer =
                http::post(&route.url(&daemon), route.ask_stream("mini").to_string()).await;
            let named = format!(r#""model":"{expected}""#);
            assert!(
                answer.text().contains(&named),
                "{style:?} {route:?}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn the_log_level_decides_what_is_written_and_the_variable_wins() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    // What a call, and what a start leave behind.
    let (call, starting) = ("call ended", "serving http");
    for (level, variable, is_call_told, is_start_told) in [
        (json!(null), "", false, true),
        (json!("debug"), "", true, true),
        (json!("error"), "", false, false),
        (json!("error"), "debug", true, true),
    ] {
        let daemon = daemon()
            .config(with(config(&upstream), json!({"logLevel": level})))
            .env("OWLCODA_LOG_LEVEL", variable)
            .start()
            .await;
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
        if is_call_told {
            until("the call in the log", async || {
                daemon.stderr().contains(call).then_some(())
            })
            .await;
        }
        if is_start_told {
            until("the start in the log", async || {
                daemon.stderr().contains(starting).then_some(())
            })
            .await;
        }
        let said = daemon.stderr();
        assert_eq!(
            said.contains(call),
            is_call_told,
            "{level} {variable}: {said}"
        );
        assert_eq!(
            said.contains(starting),
            is_start_told,
            "{level} {variable}: {said}"
        );
    }
}

#[tokio::test]
async fn what_is_said_to_a_model_is_not_in_the_log_at_any_level() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("an-answer-nobody-may-log"));
    let more = json!({"logLevel": "trace", "logFilePath": "all.log"});
    let mut config = with(config(&upstream), more);
    config["models"][0]["apiKeyEnv"] = json!("SOME_KEY");
    config["models"][0]["headers"] = json!({"x-secret": "a-header-nobody-may-log"});
    let key = "a-key-nobody-may-log";
    let mut daemon = daemon().config(config).env("SOME_KEY", key).start().await;
    for route in Route::BOTH {
        for mut body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            body["messages"][0]["content"] = json!("a-prompt-nobody-may-log");
            assert_eq!(
                http::post(&route.url(&daemon), body.to_string())
                    .await
                    .status,
                200
            );
            let got = upstream.next_request().await;
            assert_eq!(got.header("authorization"), Some(&*format!("Bearer {key}")));
            assert_eq!(got.header("x-secret"), Some("a-header-nobody-may-log"));
        }
    }
    assert_eq!(
        run(crate::process::repl(
            &daemon,
            &["-p", "a-prompt-nobody-may-log"]
        ))
        .await
        .status,
        Some(0)
    );
    let tail = owlctl(&daemon, &["logs", "--json"]).await;
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    let in_file = fs_err::read_to_string(daemon.home().join("all.log")).unwrap();
    for said in [daemon.stderr(), in_file, tail.stdout] {
        assert!(said.contains("call ended"), "{said}");
        assert!(!said.contains("nobody-may-log"), "{said}");
    }
}

#[tokio::test]
async fn the_port_is_the_file_s_and_the_variable_wins() {
    let (written, set) = (free_port().await, free_port().await);
    for (variable, expected) in [(String::new(), written), (set.to_string(), set)] {
        let daemon = daemon()
            .config(with(
                nothing(),
                json!({"port": written, "host": "localhost"}),
            ))
            .env("OWLCODA_PORT", variable)
            .start()
            .await;
        assert_eq!(port(&daemon), expected);
    }
    let refused = daemon()
        .config(nothing())
        .env("OWLCODA_PORT", "eight")
        .try_start()
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("OWLCODA_PORT"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn a_model_without_an_endpoint_is_at_the_router_s_and_the_variable_wins() {
    let (written, set) = (FakeUpstream::start().await, FakeUpstream::start().await);
    for (variable, expected) in [(String::new(), &written), (set.url(), &set)] {
        expected.script(Script::reply("ok"));
        let config = json!({"routerUrl": written.url(), "models": [{"id": MODEL}]});
        let daemon = daemon()
            .config(config)
            .env("OWLCODA_ROUTER_URL", variable)
            .start()
            .await;
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
        assert_eq!(expected.next_request().await.json()["model"], MODEL);
    }
}

#[tokio::test]
async fn a_connection_that_is_never_made_ends_in_time() {
    // Addresses of documentation are routed nowhere; where they are refused at once, that is a
    // failed connection too.
    let config = json!({
        "server": {"connectTimeoutMs": 200},
        "models": [{"id": MODEL, "endpoint": "http://192.0.2.1:9"}],
    });
    let daemon = start(config).await;
    let answer = http::post(
        &Route::Chat.url(&daemon),
        Route::Chat.ask(MODEL).to_string(),
    )
    .await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(
        answer.text().contains("could not connect"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_model_s_own_time_limit_stands_in_place_of_the_server_s() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::stream().hang());
    let mut config = config(&upstream);
    config["models"][0]["timeoutMs"] = json!(200);
    config["server"] = json!({"firstTokenTimeoutMs": 3_600_000, "idleTimeoutMs": 3_600_000});
    let daemon = start(config).await;
    let body = Route::Chat.ask_stream(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        504
    );
}

#[tokio::test]
async fn the_least_cache_of_the_store_still_keeps_every_record() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let cache = |n_bytes: u64| json!({"storage": {"cacheBytes": n_bytes}});
    let refused = daemon()
        .config(with(config(&upstream), cache(1)))
        .try_start()
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    // The message names the least value that is taken.
    let words = refused.stderr.split_once("from ").unwrap().1;
    let least: u64 = words.split(' ').next().unwrap().parse().unwrap();

    let mut daemon = start(with(config(&upstream), cache(least))).await;
    for _ in 0..100 {
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
    }
    daemon.restart().await;
    let page: Value = owlctl(&daemon, &["audit", "--json", "--limit", "1000"])
        .await
        .json();
    assert_eq!(page["records"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn the_first_word_may_take_as_long_as_the_older_key_says() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::stream().hang());
    let config = with(config(&upstream), json!({"routerTimeoutMs": 1000}));
    let daemon = start(config).await;
    let body = Route::Chat.ask_stream(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        504
    );
}

#[tokio::test]
async fn what_an_entry_says_of_its_model_is_listed() {
    let upstream = FakeUpstream::start().await;
    let mut config = config(&upstream);
    config["models"][0]["label"] = json!("The small one");
    config["models"][0]["tier"] = json!("fast");
    config["models"][0]["contextWindow"] = json!(4096);
    let daemon = start(config).await;
    let listed = owlctl(&daemon, &["models", "--json"]).await.json();
    let model = &listed["models"][0];
    assert_eq!(model["label"], "The small one");
    assert_eq!(model["tier"], "fast");
    assert_eq!(model["context_window_tokens"], 4096);
    assert_eq!(model["aliases"], json!(["mini"]));
}

#[tokio::test]
async fn the_data_directory_is_the_variable_s_unless_the_option_names_one() {
    let homes = [1, 2].map(|port| {
        let home = tempfile::tempdir().unwrap();
        let text = json!({"port": port}).to_string();
        fs_err::write(home.path().join("config.json"), text).unwrap();
        home
    });
    let [of_variable, of_option] = homes.each_ref().map(|home| home.path().to_str().unwrap());
    for (more, port) in [(&[][..], 1), (&["--home", of_option], 2)] {
        let mut command = crate::process::program(&crate::process::owlcodad());
        command
            .env("OWLCODA_HOME", of_variable)
            .args(["config", "show"])
            .args(more);
        let said = run(command).await.stdout;
        assert!(said.contains(&format!("port = {port} (line 1)")), "{said}");
    }
}
