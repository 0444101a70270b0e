//! Errors before the first event: they reach the caller as a status.

use std::time::Duration;

use owlcoda_config::{EndpointUrl, ModelTarget};
use owlcoda_pipeline::Outcome;
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::ErrorCode;
use owlcoda_wire::fault::Dialect;
use serde_json::json;

use crate::setup::{DIALECTS, End, KEY, MODES, Mode, Room, call_with, model};

#[tokio::test]
async fn every_refusal_of_the_model_server_has_its_code_and_its_words() {
    let leaked = format!("Incorrect API key provided: {KEY}");
    let cases = [
        (
            Script::error(429, "slow down"),
            ErrorCode::RateLimited,
            "slow down",
        ),
        (
            Script::error(401, &leaked),
            ErrorCode::UpstreamAuth,
            "the model server refused the credentials that are configured for it",
        ),
        (
            Script::error(403, "not for you"),
            ErrorCode::UpstreamForbidden,
            "the model server does not allow this with the credentials that are configured for it",
        ),
        (
            Script::error(500, "it broke"),
            ErrorCode::UpstreamFailed,
            "it broke",
        ),
        (
            Script::error(400, "top_k must be -1 or more"),
            ErrorCode::InvalidRequest,
            "top_k must be -1 or more",
        ),
        (
            Script::error(529, "too much to do"),
            ErrorCode::Overloaded,
            "too much to do",
        ),
        (
            Script::new().status(502).raw("<html>10.0.0.7</html>"),
            ErrorCode::Unavailable,
            "the model server answered with status 502",
        ),
    ];
    let room = Room::new().await;
    for (script, code, words) in cases {
        for (dialect, mode) in DIALECTS
            .into_iter()
            .flat_map(|d| MODES.map(|mode| (d, mode)))
        {
            room.fake.script(script.clone().header("retry-after", "7"));
            let error = room.run(dialect, mode).await.unwrap_err();
            let label = format!("{code} {dialect:?} {mode:?}");
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                (code, words),
                "{label}"
            );
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{label}");
            assert!(!format!("{error:?}").contains(KEY), "{error:?}");
            let expected = End::without_answer(Outcome::Failed(code), code.http_status());
            assert_eq!(End::of(&room.settled()), expected, "{label}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = FakeUpstream::start().await;
    let url = EndpointUrl::parse(&gone.url()).unwrap();
    gone.stop().await;
    let models = [model(ModelTarget::Endpoint(url))];
    let room = Room::with(FakeUpstream::start().await, &models, &[]);
    let error = room
        .run(Dialect::Anthropic, Mode::Stream)
        .await
        .unwrap_err();
    let outcome = Outcome::Failed(ErrorCode::Unavailable);
    assert_eq!(End::of(&room.settled()), End::without_answer(outcome, 502));
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_refused() {
    let no_stream = "the model server was asked for a stream and sent neither a stream nor an \
                     answer";
    let no_answer = "the model server's answer is not a chat completion";
    let cases = [
        (
            "JSON of another kind for a stream",
            Mode::Stream,
            Script::new().json(&json!({"hello": 1})),
            no_stream,
        ),
        (
            "nothing for a stream",
            Mode::Stream,
            Script::new(),
            no_stream,
        ),
        (
            "an error as a success",
            Mode::Stream,
            Script::new().json(&json!({"error": {"message": "it broke"}})),
            "it broke",
        ),
        (
            "a stream without an answer for JSON",
            Mode::Whole,
            Script::stream().data(&json!({"error": {"message": "it broke"}})),
            "it broke",
        ),
        (
            "a page",
            Mode::Whole,
            Script::new().raw("<html></html>"),
            no_answer,
        ),
        (
            "an error as a success",
            Mode::Whole,
            Script::new().json(&json!({"error": {"message": "it broke"}})),
            "it broke",
        ),
    ];
    let room = Room::new().await;
    for (label, mode, script, words) in cases {
        for dialect in DIALECTS {
            room.fake.script(script.clone());
            let error = room.run(dialect, mode).await.unwrap_err();
            let told = (error.code(), error.to_string());
            let label = format!("{label}, {dialect:?}");
            assert_eq!(told, (ErrorCode::BadUpstream, words.to_owned()), "{label}");
            let outcome = Outcome::Failed(ErrorCode::BadUpstream);
            assert_eq!(
                End::of(&room.settled()),
                End::without_answer(outcome, 502),
                "{label}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_event_is_a_plain_error() {
    let broke = json!({"error": {"message": "it broke"}});
    let begun = || Script::stream().raw(": ping\n\n");
    let cases = [
        (
            "an error",
            begun().data(&broke).done(),
            ErrorCode::BadUpstream,
        ),
        ("nothing", begun().done(), ErrorCode::Unavailable),
        ("the end", begun(), ErrorCode::Unavailable),
        ("a cut", begun().cut(), ErrorCode::Unavailable),
        (
            "no JSON",
            begun().raw("data: what\n\n").done(),
            ErrorCode::BadUpstream,
        ),
        (
            "429 inside",
            begun().data(&json!({"error": {"code": 429, "message": "slow down"}})),
            ErrorCode::RateLimited,
        ),
    ];
    let room = Room::new().await;
    for (label, script, code) in cases {
        for dialect in DIALECTS {
            room.fake.script(script.clone());
            let error = room.run(dialect, Mode::Stream).await.unwrap_err();
            assert_eq!(error.code(), code, "{label}, {dialect:?}: {error}");
            let expected = End::without_answer(Outcome::Failed(code), code.http_status());
            assert_eq!(End::of(&room.settled()), expected, "{label}, {dialect:?}");
        }
    }
}

#[tokio::test]
async fn what_the_model_server_has_no_words_for_is_refused_by_name_and_not_sent() {
    let room = Room::new().await;
    let cases = [
        (
            json!({"mcp_servers": [{"url": "https://h"}]}),
            "`mcp_servers`",
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "`tools[0]`",
        ),
        (json!({"thread": {"id": "t"}}), "`thread`"),
    ];
    for (more, name) in cases {
        let call = call_with(Dialect::Anthropic, Mode::Stream, &more);
        let error = room.pipeline.run(call).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().starts_with(name), "{error}");
        let expected = End {
            n_attempts: 0,
            ..End::without_answer(Outcome::Failed(ErrorCode::Unsupported), 400)
        };
        let settled = room.settled();
        assert_eq!(End::of(&settled), expected, "{name}");
        assert_eq!(settled.model_used.as_deref(), Some("small"));
    }
    assert_eq!(room.fake.n_connections(), 0);
}
