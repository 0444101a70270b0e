//! `audit.startRecords`: a call is on record from its beginning on.

use owlcoda_testkit::{FakeUpstream, Gate, Script, http};
use serde_json::json;

use super::{n_records, records};
use crate::world::{MODEL, Route, config, halting, start, until, with};

#[tokio::test]
async fn a_call_under_way_when_the_daemon_is_killed_is_on_record_as_lost() {
    for mode in ["best-effort", "strict"] {
        let upstream = FakeUpstream::start().await;
        let audit = json!({"audit": {"mode": mode, "startRecords": true}});
        let mut daemon = start(with(config(&upstream), audit)).await;
        upstream.script(Script::reply("ok"));
        let body = Route::Chat.ask(MODEL).to_string();
        assert_eq!(
            http::post(&Route::Chat.url(&daemon), body).await.status,
            200
        );
        let gate = Gate::new();
        upstream.script(halting(&gate));
        let body = Route::Messages.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
        stream.until("One").await;

        let found = until("the beginning to be on record", async || {
            let found = records(&daemon, &[]).await;
            (found.len() == 2 && found[0]["outcome"] == "running").then_some(found)
        })
        .await;
        let (running, ended) = (&found[0], &found[1]);
        assert_eq!(
            (&running["status"], &running["model_asked"]),
            (&json!(0), &json!(MODEL))
        );
        assert_eq!(
            (&ended["status"], &ended["outcome"]),
            (&json!(200), &json!("ok"))
        );
        let id = running["request_id"].clone();
        daemon.kill9().await;
        gate.open();

        daemon.restart().await;
        let lost = n_records(&daemon, 1, &["--status", "5xx"]).await;
        assert_eq!(
            (&lost[0]["request_id"], &lost[0]["outcome"]),
            (&id, &json!("lost"))
        );
        assert_eq!(records(&daemon, &[]).await.len(), 2, "each call once");

        // From here on only ends are recorded.
        daemon.write_config(with(config(&upstream), json!({"audit": {"mode": mode}})));
        daemon.restart().await;
        upstream.script(halting(&Gate::new()));
        let body = Route::Messages.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
        stream.until("One").await;
        daemon.kill9().await;
        daemon.restart().await;
        assert_eq!(records(&daemon, &[]).await.len(), 2);
    }
}
