//! Which model a name leads to, and which name the answer carries.

use owlcoda_config::ResponseModelStyle::{Platform, Requested};
use owlcoda_config::{EndpointUrl, ModelTarget};
use owlcoda_pipeline::{Answer, Event, Outcome};
use owlcoda_testkit::{MODEL, Script};
use owlcoda_types::ErrorCode;
use owlcoda_wire::anthropic::StreamEvent;
use serde_json::json;

use crate::setup::{DIALECTS, End, MODES, Mode, Room, call_with, model, parse, read, snapshot};

#[tokio::test]
async fn an_answer_carries_the_name_that_the_style_says() {
    for (style, shown) in [(Platform, "small"), (Requested, "tiny")] {
        let room = Room::new().await;
        room.fake.always(Script::reply("hello"));
        let target = ModelTarget::Endpoint(EndpointUrl::parse(&room.fake.url()).unwrap());
        room.live.replace(snapshot(&[model(target)], style));
        for (dialect, mode) in DIALECTS
            .into_iter()
            .flat_map(|d| MODES.map(|mode| (d, mode)))
        {
            let call = call_with(dialect, mode, &json!({"model": "tiny"}));
            let carried: Vec<String> = match room.pipeline.run(call).await.unwrap() {
                Answer::Whole(whole) => {
                    assert_eq!(whole.about.model_used, "small");
                    vec![parse(&whole.body)["model"].as_str().unwrap().to_owned()]
                }
                Answer::Stream(stream) => {
                    let (events, failure) = read(stream).await;
                    assert!(failure.is_none(), "{failure:?}");
                    events.iter().filter_map(name_in).collect()
                }
            };
            let label = format!("{style:?} {dialect:?} {mode:?}");
            assert!(!carried.is_empty(), "{label}");
            assert!(
                carried.iter().all(|name| name == shown),
                "{label}: {carried:?}"
            );

            let settled = room.settled();
            assert_eq!(settled.model_asked, "tiny", "{label}");
            assert_eq!(settled.model_used.as_deref(), Some("small"), "{label}");
            assert_eq!(settled.endpoint, Some(room.endpoint()), "{label}");
            assert_eq!(
                room.fake.next_request().await.json()["model"],
                MODEL,
                "{label}"
            );
        }
    }
}

/// The model's name in an event that has one.
fn name_in(event: &Event) -> Option<String> {
    match event {
        Event::Messages(StreamEvent::MessageStart { model, .. }) => Some(model.clone()),
        Event::Messages(_) | Event::Relayed(_) => None,
        Event::Chat(chunk) => Some(parse(chunk).get("model")?.as_str()?.to_owned()),
    }
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_refused_and_recorded_without_an_attempt() {
    let room = Room::new().await;
    let no_attempt = |outcome, status| End {
        n_attempts: 0,
        ..End::without_answer(outcome, status)
    };
    for dialect in DIALECTS {
        let call = call_with(dialect, Mode::Stream, &json!({"model": "smell"}));
        let error = room.pipeline.run(call).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(error.to_string().contains("there is small"), "{error}");
        let settled = room.settled();
        let outcome = Outcome::Failed(ErrorCode::NotFound);
        assert_eq!(End::of(&settled), no_attempt(outcome, 404));
        assert_eq!((settled.model_used, settled.endpoint), (None, None));
    }
    room.live.replace(snapshot(&[], Platform));
    let error = room.run(DIALECTS[0], Mode::Whole).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoModel);
    assert!(
        error.to_string().contains("/home/ada/.owlcoda/config.json"),
        "{error}"
    );
    let outcome = Outcome::Failed(ErrorCode::NoModel);
    assert_eq!(End::of(&room.settled()), no_attempt(outcome, 503));
    assert_eq!(room.fake.requests().len(), 0);
}

#[tokio::test]
async fn a_hostile_name_is_recorded_cut_and_printable() {
    let room = Room::new().await;
    let name = format!("\u{1b}[2J{}", "x".repeat(10_000));
    let call = call_with(DIALECTS[1], Mode::Whole, &json!({"model": name}));
    room.pipeline.run(call).await.unwrap_err();
    let asked = room.settled().model_asked;
    assert!(asked.chars().count() <= 201, "{}", asked.len());
    assert!(!asked.contains(char::is_control), "{asked:?}");
}

#[tokio::test]
async fn a_call_keeps_the_configuration_it_began_with() {
    let room = Room::new().await;
    let gate = owlcoda_testkit::Gate::new();
    room.fake.script(Script::text("hello").held(&gate));
    let (answer, ()) = tokio::join!(room.run(DIALECTS[0], Mode::Whole), async {
        gate.reached().await;
        room.live.replace(snapshot(&[], Platform));
        gate.open();
    });
    answer.unwrap();
    room.settled();
    let error = room.run(DIALECTS[0], Mode::Whole).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoModel);
}
