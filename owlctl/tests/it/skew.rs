//! Every verb before a daemon of another version: one level older, one level newer, and further away.
//! Each works, or ends with one sentence and a documented status.

use owlcoda_proto::v1::{
    AuditRecord, ConfigStatus, GetPerfResponse, ListModelsResponse, ListSessionsResponse,
    MetricsResponse, Model, QueryAuditResponse, ReloadResponse, SessionInfo, StatusResponse,
};
use owlcoda_proto::{MIN_PROTOCOL, PROTOCOL};
use owlcoda_testkit::control::{Skewed, Version, later, sent};

/// Exit status, stdout, stderr.
type Ended = (Option<i32>, String, String);

fn run(daemon: &Skewed, arguments: &[&str]) -> Ended {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_owlctl"))
        .env_clear()
        .env("HOME", daemon.socket().parent().unwrap())
        .current_dir(daemon.socket().parent().unwrap())
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

/// The verbs that ask the daemon, and whether a daemon of level 1 knows what each needs.
const VERBS: [(&[&str], bool); 48] = [
    (&["status"], true),
    (&["version"], true),
    (&["health"], true),
    (&["start"], true),
    (&["wait", "ready"], true),
    (&["models"], true),
    (&["audit"], true),
    (&["audit", "show", "41"], true),
    (&["sessions"], true),
    (&["sessions", "show", "last"], true),
    (&["sessions", "export", "last"], true),
    (&["sessions", "delete", "--yes", "last"], false),
    (&["config", "status"], true),
    (&["config", "get", "port"], false),
    (&["config", "diff"], false),
    (&["config", "rollback"], false),
    (&["captures"], false),
    (&["reload"], false),
    (&["metrics"], false),
    (&["top"], false),
    (&["benchmark", "--runs", "1"], false),
    (&["models", "probe", "coder"], false),
    (&["usage"], false),
    (&["perf"], false),
    (&["latency"], false),
    (&["cost"], false),
    (&["cache"], false),
    (&["cache", "stats"], false),
    (&["cache", "clear"], false),
    (&["recommend"], false),
    (&["backends"], false),
    (&["backends", "probe", "e"], false),
    (&["backends", "reset-breaker", "e"], false),
    (&["inspect"], false),
    (&["inspect", "req"], false),
    (&["traces"], false),
    (&["captures", "list"], false),
    (&["captures", "clear"], false),
    (&["audit", "stats"], false),
    (&["audit", "export"], false),
    (&["audit", "verify"], false),
    (&["audit", "follow"], false),
    (&["backup", "create", "--out", "copy"], false),
    (&["clients"], false),
    (&["clients", "detach", "1"], false),
    (&["logs"], false),
    (&["token", "show"], false),
    (&["token", "rotate"], false),
];

/// Whether `stderr` is what a person can use: one sentence, and perhaps the way out.
fn assert_clear(verb: &[&str], stderr: &str) {
    for raw in ["panicked", "Status {", "status:", "Unimplemented", "grpc"] {
        assert!(!stderr.contains(raw), "{verb:?}: {stderr}");
    }
    assert!(stderr.lines().count() <= 2, "{verb:?}: {stderr}");
}

/// What a daemon of the first level knows.
fn level_1(version: Version) -> Version {
    let session = SessionInfo {
        session_id: "s1".to_owned(),
        ..SessionInfo::default()
    };
    let record = AuditRecord {
        seq: 41,
        request_id: "41".to_owned(),
        outcome: "ok".to_owned(),
        ..AuditRecord::default()
    };
    let model = Model {
        id: "coder".to_owned(),
        ..Model::default()
    };
    let status = StatusResponse {
        state: "running".to_owned(),
        n_models: 1,
        ..StatusResponse::default()
    };
    version
        .knowing("grpc.health.v1.Health/Check", vec![8, 1])
        .knowing("Daemon/Status", sent(&status))
        .knowing(
            "Models/List",
            sent(&ListModelsResponse {
                models: vec![model],
                ..ListModelsResponse::default()
            }),
        )
        .knowing(
            "Audit/Query",
            sent(&QueryAuditResponse {
                records: vec![record],
                ..QueryAuditResponse::default()
            }),
        )
        .knowing("Sessions/Get", sent(&session))
        .knowing(
            "Sessions/List",
            sent(&ListSessionsResponse {
                sessions: vec![session.clone()],
            }),
        )
        .knowing("Events/Attach", sent(&replayed()))
}

/// The end of a replay: all is live.
fn replayed() -> owlcoda_proto::v1::Frame {
    use owlcoda_proto::v1::{Frame, Live, frame};
    Frame {
        frame: Some(frame::Frame::Live(Live {})),
    }
}

#[test]
fn a_daemon_one_level_older_does_what_it_can_and_of_the_rest_one_sentence_says_why() {
    let daemon = Skewed::with(level_1(Version {
        protocol: PROTOCOL - 1,
        min_client_protocol: 1,
        ..Version::default()
    }));
    for (verb, is_known) in VERBS {
        let (status, stdout, stderr) = run(&daemon, verb);
        assert_clear(verb, &stderr);
        if is_known {
            assert_eq!(status, Some(0), "{verb:?}: {stderr}");
            assert!(!stdout.is_empty(), "{verb:?}");
            continue;
        }
        assert_eq!((status, &*stdout), (Some(69), ""), "{verb:?}: {stderr}");
        let ours = env!("CARGO_PKG_VERSION");
        let sentence = format!(
            "owlctl: the running daemon is 9.8.7 (protocol {}), this program is {ours} (protocol {PROTOCOL}): \
             the daemon does not know this call\n  restart it, so that it is of this version: owlctl restart\n",
            PROTOCOL - 1
        );
        assert_eq!(stderr, sentence, "{verb:?}");
    }
    for filtered in [
        &["audit", "--client", "token"][..],
        &["audit", "--since", "1h", "--json"],
        &["audit", "show", "req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f"],
    ] {
        let (status, stdout, stderr) = run(&daemon, filtered);
        assert_eq!((status, &*stdout), (Some(69), ""), "{filtered:?}");
        assert!(stderr.contains("these filters\n"), "{filtered:?}: {stderr}");
    }
    let (status, ..) = run(&daemon, &["audit", "show", "42"]);
    assert_eq!(status, Some(1), "41 is another one");
    let left: Vec<_> = fs_err::read_dir(daemon.socket().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["s"], "a copy that could not be made leaves no file");
    let (status, _, stderr) = run(&daemon, &["status"]);
    assert_eq!(status, Some(0));
    assert!(stderr.ends_with("owlctl restart\n"), "{stderr}");
}

#[test]
fn answers_of_a_newer_daemon_have_words_and_fields_that_are_passed_over() {
    let newer = Version {
        protocol: PROTOCOL + 1,
        min_client_protocol: PROTOCOL,
        ..Version::default()
    };
    let status = StatusResponse {
        state: "hibernating".to_owned(),
        version: "9.8.7".to_owned(),
        n_models: 1,
        ..StatusResponse::default()
    };
    let reload = ReloadResponse {
        outcome: "postponed".to_owned(),
        config: Some(ConfigStatus::default()),
        ..ReloadResponse::default()
    };
    let record = AuditRecord {
        seq: 41,
        request_id: "41".to_owned(),
        outcome: "teleported".to_owned(),
        route: "telepathy".to_owned(),
        ..AuditRecord::default()
    };
    let page = QueryAuditResponse {
        records: vec![record],
        ..QueryAuditResponse::default()
    };
    let models = ListModelsResponse {
        models: vec![Model {
            id: "coder".to_owned(),
            source: "dreamt".to_owned(),
            ..Model::default()
        }],
        ..ListModelsResponse::default()
    };
    let metrics = MetricsResponse {
        text: "owlcoda_new 1\n".to_owned(),
    };
    let daemon = Skewed::with(
        newer
            .knowing("grpc.health.v1.Health/Check", vec![8, 1])
            .knowing("Daemon/Status", later(&status))
            .knowing("Daemon/Reload", later(&reload))
            .knowing("Daemon/Metrics", later(&metrics))
            .knowing("Models/List", later(&models))
            .knowing("Audit/Query", later(&page))
            .knowing("Figures/GetPerf", later(&GetPerfResponse::default())),
    );
    for (verb, said) in [
        (&["status"][..], "hibernating"),
        (&["version"], "9.8.7"),
        (&["health"], "ok"),
        (&["models"], "dreamt"),
        (&["models", "--json"], "\"coder\""),
        (&["audit"], "teleported"),
        (&["audit", "show", "41"], "telepathy"),
        (&["metrics"], "owlcoda_new"),
        (&["top"], "hibernating"),
        (&["reload"], "postponed"),
    ] {
        let (status, stdout, stderr) = run(&daemon, verb);
        assert_clear(verb, &stderr);
        let said_of_it = format!("{stdout}{stderr}");
        assert!(said_of_it.contains(said), "{verb:?}: {stdout}{stderr}");
        assert_eq!(status, Some(0), "{verb:?}: {stderr}");
    }
}

#[test]
fn a_message_in_which_everything_is_missing_breaks_no_verb() {
    let bare = Version {
        protocol: PROTOCOL,
        min_client_protocol: MIN_PROTOCOL,
        otherwise: Some(Vec::new()),
        ..Version::default()
    };
    for answer in [Vec::new(), later(&SessionInfo::default())] {
        let daemon = Skewed::with(Version {
            otherwise: Some(answer),
            ..bare.clone()
        });
        for (verb, _) in VERBS {
            // They wait for what such a daemon never says.
            if matches!(verb, ["wait", _] | ["audit", "follow"]) {
                continue;
            }
            let (status, stdout, stderr) = run(&daemon, verb);
            for raw in ["panicked", "Status {", "grpc"] {
                assert!(!stderr.contains(raw), "{verb:?}: {stdout}{stderr}");
            }
            let is_documented = matches!(status, Some(0 | 1 | 3 | 6 | 69));
            assert!(is_documented, "{verb:?}: {status:?} {stdout}{stderr}");
            assert!(
                status == Some(0) || !(stdout.is_empty() && stderr.is_empty()),
                "{verb:?}: {status:?} without a word"
            );
        }
    }
}

#[test]
fn a_daemon_too_far_away_is_a_69_for_every_verb_that_says_which_side_to_change() {
    let at = |protocol, min_client_protocol| {
        Skewed::with(level_1(Version {
            protocol,
            min_client_protocol,
            ..Version::default()
        }))
    };
    let older = at(MIN_PROTOCOL - 1, 0);
    let newer = at(PROTOCOL + 2, PROTOCOL + 1);
    for (daemon, words) in [
        (&older, ["the daemon is too old for it", "owlctl restart"]),
        (
            &newer,
            ["it is too old for the daemon", "came with the daemon"],
        ),
    ] {
        for (verb, _) in VERBS {
            // Whatever its version, these see that it is there.
            if matches!(verb, ["start" | "wait", ..]) {
                let (status, _, stderr) = run(daemon, verb);
                assert_eq!(status, Some(0), "{verb:?}: {stderr}");
                continue;
            }
            let (status, stdout, stderr) = run(daemon, verb);
            assert_clear(verb, &stderr);
            assert_eq!(status, Some(69), "{verb:?}: {stdout}{stderr}");
            for word in words {
                assert!(stderr.contains(word), "{verb:?}: {stderr}");
            }
            assert!(!stdout.contains("not running"), "{verb:?}: {stdout}");
        }
        let (_, stdout, _) = run(daemon, &["version"]);
        assert!(stdout.contains("\nowlcodad  9.8.7  protocol "), "{stdout}");
    }
}
