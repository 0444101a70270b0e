//! What the verbs make of a daemon's answers.

use owlcoda_proto::v1::{
    AuditRecord, ListModelsResponse, Model, QueryAuditRequest, QueryAuditResponse, StatusResponse,
};
use owlcoda_proto::{ErrorCode, PROTOCOL};

use owlcoda_testkit::control::{Answers, Served};

/// Exit status, stdout and stderr of `owlctl` before this daemon.
fn run(daemon: &Served, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_owlctl"))
        .env_clear()
        .env("HOME", daemon.socket().parent().unwrap())
        .arg("--socket")
        .arg(daemon.socket())
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn with_problem() -> StatusResponse {
    StatusResponse {
        problems: vec!["endpoint `vllm` is down: start it".to_owned()],
        ..StatusResponse::default()
    }
}

#[test]
fn health_tells_ok_degraded_and_unready_apart() {
    let well = Answers::default();
    let degraded = Answers {
        status: Ok(with_problem()),
        ..Answers::default()
    };
    let unready = Answers {
        is_serving: false,
        ..degraded.clone()
    };
    let mute = Answers {
        is_serving: false,
        status: Err(ErrorCode::ShuttingDown),
        ..Answers::default()
    };
    for (answers, status, stdout) in [
        (well, 0, "ok\n"),
        (
            degraded,
            5,
            "degraded\n  ! endpoint `vllm` is down: start it\n",
        ),
        (
            unready,
            6,
            "unready\n  ! endpoint `vllm` is down: start it\n",
        ),
        (mute, 6, "unready\n"),
    ] {
        let daemon = Served::with(answers);
        let outcome = run(&daemon, &["health"]);
        assert_eq!(outcome, (Some(status), stdout.to_owned(), String::new()));
        let quiet = run(&daemon, &["health", "--quiet"]);
        assert_eq!(
            quiet,
            (Some(status), String::new(), String::new()),
            "{stdout}"
        );
    }
}

#[test]
fn a_status_without_models_asks_the_daemon_what_to_do() {
    let models = ListModelsResponse {
        models: Vec::new(),
        hint: "start ollama, or name an endpoint".to_owned(),
        quirks_version: 1,
    };
    let daemon = Served::with(Answers {
        models,
        ..Answers::default()
    });
    let (status, stdout, stderr) = run(&daemon, &["status"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(
        stdout.contains("none; start ollama, or name an endpoint"),
        "{stdout}"
    );
    let outcome = run(&daemon, &["models"]);
    let hint = "start ollama, or name an endpoint\n".to_owned();
    assert_eq!(outcome, (Some(0), String::new(), hint));
}

#[test]
fn models_and_versions_come_from_the_daemon() {
    let model = Model {
        id: "coder".to_owned(),
        is_default: true,
        ..Model::default()
    };
    let daemon = Served::with(Answers {
        models: ListModelsResponse {
            models: vec![model],
            hint: String::new(),
            quirks_version: 1,
        },
        ..Answers::default()
    });
    let (status, stdout, _) = run(&daemon, &["models", "--json"]);
    assert_eq!(status, Some(0));
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["models"][0]["id"], "coder");
    let (_, as_json, _) = run(&daemon, &["models", "-o", "json"]);
    assert_eq!(as_json, stdout);
    let (status, as_yaml, _) = run(&daemon, &["-o", "yaml", "models"]);
    assert_eq!(status, Some(0));
    assert!(
        as_yaml.starts_with("apiVersion: owlcoda/v1\nkind: ") && as_yaml.contains("id: coder\n"),
        "{as_yaml}"
    );
    let (_, as_text, _) = run(&daemon, &["-o", "table", "models"]);
    assert!(as_text.starts_with("ID "), "{as_text}");
    let (status, stdout, _) = run(&daemon, &["version"]);
    assert_eq!(status, Some(0));
    assert!(
        stdout.ends_with(&format!("owlcodad  9.8.7  protocol {PROTOCOL}\n")),
        "{stdout}"
    );
}

#[test]
fn an_audit_page_is_asked_for_with_its_filters_and_names_the_next() {
    let record = AuditRecord {
        seq: 41,
        status: 502,
        outcome: "unavailable".to_owned(),
        ..AuditRecord::default()
    };
    let daemon = Served::with(Answers {
        audit: QueryAuditResponse {
            records: vec![record],
            next_before_seq: 41,
            ..QueryAuditResponse::default()
        },
        ..Answers::default()
    });
    let arguments = [
        "audit", "--errors", "--limit", "1", "--before", "42", "--model", "m",
    ];
    let (status, stdout, stderr) = run(&daemon, &arguments);
    assert_eq!(
        (status, stderr.as_str()),
        (Some(0), "older records: add --before 41\n")
    );
    assert!(stdout.contains("unavailable"), "{stdout}");
    let expected = QueryAuditRequest {
        limit: 1,
        model: "m".to_owned(),
        min_status: 400,
        before_seq: 42,
        ..QueryAuditRequest::default()
    };
    assert_eq!(daemon.queries(), [expected]);
}

#[test]
fn what_the_daemon_refuses_decides_the_exit_status() {
    for (code, status) in [
        (ErrorCode::Internal, 1),
        (ErrorCode::Forbidden, 4),
        (ErrorCode::ShuttingDown, 69),
        (ErrorCode::Busy, 75),
        (ErrorCode::Timeout, 124),
    ] {
        let daemon = Served::with(Answers {
            status: Err(code),
            ..Answers::default()
        });
        let (exit, stdout, stderr) = run(&daemon, &["status"]);
        assert_eq!((exit, stdout.as_str()), (Some(status), ""), "{code}");
        assert!(stderr.contains("as the test wants it"), "{code}: {stderr}");
    }
}

#[test]
fn a_daemon_that_is_too_new_is_a_failure_that_says_what_to_do() {
    let daemon = Served::with(Answers {
        min_client_protocol: u32::MAX,
        ..Answers::default()
    });
    for verb in ["version", "status", "health", "models", "audit"] {
        let (status, _, stderr) = run(&daemon, &[verb]);
        assert_eq!(status, Some(69), "{verb}: {stderr}");
        assert!(stderr.contains("update this one"), "{verb}: {stderr}");
    }
}
