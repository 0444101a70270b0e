//! The status as text and as JSON, against golden files.

use owlcoda_proto::v1::{ConfigStatus, Endpoint, ManagedRuntime, Storage, Traffic};

use super::*;
use crate::golden;

fn place() -> Place {
    Place {
        home: "/home/ada/.owlcoda".into(),
        socket: "/home/ada/.owlcoda/run/control.sock".into(),
    }
}

fn busy_daemon() -> StatusResponse {
    let endpoint = |id: &str, source: &str, n_models, state: &str, detail: &str| Endpoint {
        id: id.to_owned(),
        url: format!("http://127.0.0.1/{id}"),
        source: source.to_owned(),
        n_models,
        state: state.to_owned(),
        detail: detail.to_owned(),
        since_ms: 1_700_000_000_000,
        heard_at_ms: 1_700_000_060_000,
        heard_by: if detail.is_empty() { "call" } else { "probe" }.to_owned(),
        latency_ms: detail.is_empty().then_some(3),
    };
    let runtime = |name: &str, state: &str, pid, port, detail: &str| ManagedRuntime {
        name: name.to_owned(),
        state: state.to_owned(),
        pid,
        port,
        log_path: format!("/home/ada/.owlcoda/log/{name}.log"),
        detail: detail.to_owned(),
    };
    StatusResponse {
        version: "0.1.0".to_owned(),
        pid: 4121,
        started_at_ms: 1_700_000_000_000,
        now_ms: 0,
        home: "/home/ada/.owlcoda".to_owned(),
        http_url: "http://127.0.0.1:8019".to_owned(),
        config_path: "/home/ada/.owlcoda/config.json".to_owned(),
        config: Some(ConfigStatus {
            path: "/home/ada/.owlcoda/config.json".to_owned(),
            generation: 4,
            sha256: "0f".repeat(32),
            loaded_at_ms: 1_700_000_000_000,
            pending_restart: vec!["port".to_owned()],
            watch_mode: "events".to_owned(),
            ..ConfigStatus::default()
        }),
        traffic: Some(Traffic {
            n_calls: 1204,
            n_failed: 3,
            n_in_flight: 2,
            usage: Some(Usage {
                input_tokens: 1_000_000,
                output_tokens: 33_000,
                cache_read_tokens: 200_000,
                cache_write_tokens: 7,
            }),
        }),
        storage: Some(Storage {
            n_audit_records: 214_331,
            n_audit_dropped: 1,
            n_audit_segments: 2,
            first_audit_seq: 17,
            n_outages: 1,
            n_sessions: 88,
            size_bytes: 96 << 20,
            integrity: "ok".to_owned(),
        }),
        endpoints: vec![
            endpoint("ollama", "discovered", 2, "up", ""),
            endpoint("vllm", "configured", 1, "down", "connection refused"),
        ],
        runtimes: vec![
            runtime("llama", "ready", 4200, 8081, ""),
            runtime("mlx", "failed", 0, 0, "exited\u{1b}[31m with 1"),
        ],
        problems: vec!["endpoint `vllm` is down: start it or remove it".to_owned()],
        n_models: 3,
        default_model: "qwen2.5-coder".to_owned(),
        state: "running".to_owned(),
    }
}

fn idle_daemon() -> StatusResponse {
    StatusResponse {
        version: "0.1.0".to_owned(),
        pid: 7,
        http_url: "http://127.0.0.1:8019".to_owned(),
        state: "running".to_owned(),
        ..StatusResponse::default()
    }
}

fn both_forms(status: &StatusResponse, hint: Option<&str>) -> (String, String) {
    let place = place();
    let view = View {
        place: &place,
        status,
        hint: hint.map(str::to_owned),
        now: Timestamp::from_second(1_700_000_000 + 3 * 86_400 + 4 * 3_600).unwrap(),
    };
    (text::running(&view), json("Status", &running(&view)))
}

#[test]
fn problems_are_the_last_lines_of_a_busy_daemon_s_status() {
    let (text, json) = both_forms(&busy_daemon(), None);
    assert!(text.contains("3d 4h"), "{text}");
    assert!(
        text.ends_with("  ! endpoint `vllm` is down: start it or remove it\n"),
        "{text}"
    );
    golden::check("status", &text);
    golden::check("status_json", &json);
}

#[test]
fn a_daemon_without_models_says_what_to_do() {
    let (text, json) = both_forms(&idle_daemon(), Some("start ollama"));
    assert!(text.contains("none; start ollama"), "{text}");
    golden::check("status_idle", &text);
    golden::check("status_idle_json", &json);
}

#[test]
fn without_a_daemon_the_place_is_known_all_the_same() {
    golden::check("status_not_running", &text::not_running(&place(), None));
    golden::check(
        "status_not_running_json",
        &json("Status", &not_running(&place(), None)),
    );
}
