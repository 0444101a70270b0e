//! What people and scripts see of single calls.

use owlcoda_proto::v1::{
    Capture, CaptureStats, CapturedHeader, CapturedMessage, Exchange, ListCapturesResponse,
    ListTracesResponse, Trace, TracePhase, Usage,
};

use super::*;
use crate::exit::Exit;
use crate::golden;

fn trace() -> Trace {
    let phases = [
        ("admit", 310),
        ("plan", 95),
        ("send", 4200),
        ("first_token", 180_000),
    ];
    let phases = phases.into_iter().chain([("stream", 1_240_000)]);
    Trace {
        request_id: "req_0198".to_owned(),
        at_ms: 1_700_000_000_123,
        route: "messages".to_owned(),
        dialect: "anthropic".to_owned(),
        model_asked: "default".to_owned(),
        model_used: "qwen2.5-coder".to_owned(),
        endpoint_id: "127.0.0.1:11434".to_owned(),
        n_attempts: 1,
        status: 200,
        outcome: "ok".to_owned(),
        is_stream: true,
        usage: Some(Usage {
            input_tokens: 1200,
            output_tokens: 52,
            ..Usage::default()
        }),
        phases: phases
            .map(|(name, us)| TracePhase {
                name: name.to_owned(),
                us,
            })
            .collect(),
        total_us: 1_424_605,
        ..Trace::default()
    }
}

fn message(headers: &[(&str, &str)], body: &str, is_cut: bool) -> CapturedMessage {
    CapturedMessage {
        headers: headers
            .iter()
            .map(|(name, value)| CapturedHeader {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        body: body.to_owned(),
        n_body_bytes: if is_cut { 200_000 } else { body.len() as u64 },
        is_cut,
    }
}

fn capture() -> Capture {
    let question = r#"{"model":"default","messages":[]}"#;
    Capture {
        request_id: "req_0198".to_owned(),
        at_ms: 1_700_000_000_123,
        route: "messages".to_owned(),
        model_asked: "default".to_owned(),
        model_used: "qwen2.5-coder".to_owned(),
        endpoint_id: "127.0.0.1:11434".to_owned(),
        status: 502,
        outcome: "unavailable".to_owned(),
        elapsed_ms: 1425,
        error: "unavailable: it broke off".to_owned(),
        caller: Some(Exchange {
            line: "POST /v1/messages".to_owned(),
            request: Some(message(
                &[("x-api-key", "***"), ("host", "localhost")],
                question,
                false,
            )),
            status: 502,
            answer: Some(message(&[], "", false)),
        }),
        attempts: vec![
            Exchange {
                line: "POST http://127.0.0.1:11434/v1/chat/completions".to_owned(),
                request: Some(message(
                    &[("content-type", "application/json")],
                    "{}",
                    false,
                )),
                status: 0,
                answer: Some(CapturedMessage::default()),
            },
            Exchange {
                line: "POST http://127.0.0.1:11434/v1/chat/completions".to_owned(),
                request: Some(message(&[], "{}", false)),
                status: 200,
                answer: Some(message(&[], "data: {\u{1b}[2J}\n\ndata: half", true)),
            },
        ],
        ..Capture::default()
    }
}

#[test]
fn a_call_is_told_with_its_phases_and_what_each_side_said() {
    let answer = GetCallResponse {
        trace: Some(trace()),
        capture: Some(capture()),
    };
    golden::check("inspect", &text::call(&answer, &TimeZone::UTC));
    golden::check("inspect_json", &to_json(&answer));
    let nothing_said = GetCallResponse {
        capture: None,
        ..answer
    };
    let report = captures::show(&nothing_said, false);
    assert_eq!((report.exit, report.stdout.as_str()), (Exit::Failed, ""));
    assert!(report.stderr.contains("captures list"), "{}", report.stderr);
    let text = text::call(&nothing_said, &TimeZone::UTC);
    assert!(!text.contains("---"), "{text}");
}

#[test]
fn traces_are_a_table_for_people_and_a_list_for_scripts() {
    let answer = ListTracesResponse {
        traces: vec![trace()],
    };
    golden::check(
        "traces",
        &traces::render(&answer, false, &TimeZone::UTC).stdout,
    );
    golden::check(
        "traces_json",
        &traces::render(&answer, true, &TimeZone::UTC).stdout,
    );
    let none = traces::render(&ListTracesResponse::default(), false, &TimeZone::UTC);
    assert_eq!(none.stderr, "no model was called yet\n");
}

#[test]
fn captures_are_listed_and_where_there_are_none_the_way_to_some_is_told() {
    let listed = Capture {
        caller: None,
        attempts: Vec::new(),
        ..capture()
    };
    let answer = ListCapturesResponse {
        is_enabled: true,
        hint: String::new(),
        captures: vec![listed],
        stats: Some(CaptureStats {
            n_captures: 1,
            n_failed: 1,
            mean_elapsed_ms: 1425.0,
            models: [("qwen2.5-coder".to_owned(), 1)].into(),
            n_bytes: 2345,
            max_entries: 50,
            max_bytes: 16 << 20,
        }),
    };
    golden::check(
        "captures",
        &captures::render(&answer, false, &TimeZone::UTC).stdout,
    );
    golden::check(
        "captures_json",
        &captures::render(&answer, true, &TimeZone::UTC).stdout,
    );
    let off = ListCapturesResponse {
        hint: "captures are off".to_owned(),
        ..ListCapturesResponse::default()
    };
    let report = captures::render(&off, false, &TimeZone::UTC);
    assert_eq!(
        (report.stdout.as_str(), report.stderr.as_str()),
        ("", "captures are off\n")
    );
}
