//! Conversations that are deleted with `owlctl sessions delete`.

use owlcoda_proto::connect;
use owlcoda_proto::v1::AttachRequest;
use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, binary};
use serde_json::{Value, json};

use crate::process::{ended, owlctl, program, repl, run};
use crate::terminal::Terminal;
use crate::world::{start_before, until};

/// A daemon with this many conversations, and their ids, the oldest first.
async fn daemon_with(upstream: &FakeUpstream, n_sessions: usize) -> (TestDaemon, Vec<String>) {
    upstream.always(Script::text_stream(&["Hello."]));
    let daemon = start_before(upstream).await;
    for number in 0..n_sessions {
        let said = run(repl(&daemon, &["-p", &format!("Say {number}")])).await;
        assert_eq!(said.status, Some(0), "{said:?}");
    }
    let mut ids = ids(&daemon).await;
    ids.reverse();
    assert_eq!(ids.len(), n_sessions);
    (daemon, ids)
}

/// The ids of what is there, the newest first.
async fn ids(daemon: &TestDaemon) -> Vec<String> {
    let list = owlctl(daemon, &["sessions", "--json"]).await.json();
    let sessions = list["sessions"].as_array().unwrap().iter();
    let id = |session: &Value| session["id"].as_str().unwrap().to_owned();
    sessions.map(id).collect()
}

/// The end of a deletion without a question, as a document.
async fn delete(daemon: &TestDaemon, ids: &[&str]) -> (Option<i32>, Value) {
    let arguments = [&["--json", "sessions", "delete", "--yes"], ids].concat();
    let ended = owlctl(daemon, &arguments).await;
    (ended.status, ended.json())
}

#[tokio::test]
async fn what_is_deleted_is_gone_after_a_restart_and_the_rest_stays() {
    let upstream = FakeUpstream::start().await;
    let (mut daemon, all) = daemon_with(&upstream, 4).await;
    let (status, document) = delete(&daemon, &[&all[0], "last", &all[3]]).await;
    assert_eq!(status, Some(0), "{document}");
    let deleted = document["deleted"].as_array().unwrap();
    assert_eq!(deleted.len(), 2, "each once: {document}");
    assert_eq!(deleted[0], json!({"id": all[0], "title": "Say 0"}));
    assert_eq!(ids(&daemon).await, [all[2].as_str(), &all[1]]);
    let shown = owlctl(&daemon, &["sessions", "show", &all[0]]).await;
    assert_eq!(shown.status, Some(1), "{shown:?}");
    assert!(shown.stderr.contains("there is no session"), "{shown:?}");
    assert!(daemon.stderr().contains("a conversation was deleted"));
    daemon.kill9().await;
    daemon.restart().await;
    assert_eq!(ids(&daemon).await, [all[2].as_str(), &all[1]]);
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["storage"]["integrity"], "ok", "{status}");
    assert_eq!(status["daemon"]["storage"]["n_sessions"], 2, "{status}");
}

#[tokio::test]
async fn what_cannot_be_deleted_is_told_by_its_name_and_the_rest_is_deleted() {
    let upstream = FakeUpstream::start().await;
    let (daemon, all) = daemon_with(&upstream, 2).await;
    let unknown = all[0].replace(|letter: char| letter.is_ascii_digit(), "0");
    let (status, document) = delete(&daemon, &[&unknown]).await;
    assert_eq!(status, Some(1), "{document}");
    assert_eq!(document["failed"][0]["code"], "not_found", "{document}");

    // Somebody watches one of them.
    let client = connect(daemon.socket()).await.unwrap();
    let request = AttachRequest {
        session_id: all[0].clone(),
        after_seq: 0,
    };
    let watching = client.events().attach(request).await.unwrap();
    let arguments = ["sessions", "delete", "-y", &all[0], "nonsense", &all[1]];
    let ended = owlctl(&daemon, &arguments).await;
    assert_eq!(ended.status, Some(3), "{ended:?}");
    let line = format!("deleted  {}  1 turn  Say 1\n", all[1]);
    assert_eq!(ended.stdout, line, "{ended:?}");
    for words in [
        all[0].as_str(),
        "owlctl clients detach",
        "owlctl: nonsense: ",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert_eq!(ids(&daemon).await, [all[0].as_str()]);
    // The way out that was told.
    let clients = owlctl(&daemon, &["clients", "--json"]).await.json();
    let number = clients["clients"][0]["id"].to_string();
    let detached = owlctl(&daemon, &["clients", "detach", &number]).await;
    assert_eq!(detached.status, Some(0), "{detached:?}");
    until("the client to be gone", async || {
        let (status, _) = delete(&daemon, &[&all[0]]).await;
        (status == Some(0)).then_some(())
    })
    .await;
    drop(watching);
    assert_eq!(ids(&daemon).await, [""; 0]);
}

#[tokio::test]
async fn without_a_terminal_nothing_is_deleted_unasked() {
    let upstream = FakeUpstream::start().await;
    let (daemon, all) = daemon_with(&upstream, 1).await;
    let ended = owlctl(&daemon, &["sessions", "delete", &all[0]]).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--yes"), "{ended:?}");
    assert_eq!(ids(&daemon).await, all);
    let none = owlctl(&daemon, &["sessions", "delete", "--yes"]).await;
    assert_eq!(none.status, Some(2), "{none:?}");
}

#[tokio::test]
async fn at_a_terminal_it_is_asked_and_only_a_yes_is_one() {
    let upstream = FakeUpstream::start().await;
    let (daemon, all) = daemon_with(&upstream, 1).await;
    for (typed, status, n_left) in [("\n", 1, 1), ("n\n", 1, 1), ("y\n", 0, 0)] {
        let mut terminal = Terminal::new(100, 24);
        let mut command = program(&binary("owlctl"));
        command
            .env("OWLCODA_HOME", daemon.home())
            .args(["sessions", "delete", &all[0]])
            .stdin(terminal.stdio())
            .stderr(terminal.stdio());
        let child = command.spawn().unwrap();
        drop(command);
        terminal.until("delete 1 conversation for good? [y/N]");
        terminal.until("1 turn  Say 0");
        terminal.type_text(typed);
        let ended = ended(child).await;
        assert_eq!(ended.status, Some(status), "{typed:?}: {ended:?}");
        assert_eq!(ids(&daemon).await.len(), n_left, "{typed:?}");
    }
}
