//! One turn, event by event, with a clock that stands still.

use super::*;

/// A turn, a clock that stands until it is moved, and ids that stay.
struct Scene {
    turn: Turn,
    now: Instant,
    id: TurnId,
    item: ItemId,
}

const USAGE: Usage = Usage {
    input_tokens: 11,
    output_tokens: 2,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
};

impl Scene {
    /// Nothing runs.
    fn idle() -> Self {
        let (id, item) = (TurnId::from_bytes([1; 16]), ItemId::from_bytes([2; 16]));
        Self {
            turn: Turn::default(),
            now: Instant::now(),
            id,
            item,
        }
    }

    /// The model has been called.
    fn called() -> Self {
        let mut scene = Self::idle();
        scene.submit("hi");
        scene
    }

    /// The model has begun to answer.
    fn answering(text: &str) -> Self {
        let mut scene = Self::called();
        scene.hear([message_start(), words(text)]);
        scene
    }

    fn on(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.turn.on(input, self.now, &mut effects);
        effects
    }

    fn submit(&mut self, text: &str) -> Vec<Effect> {
        self.on(Input::Submit(Submit {
            text: text.to_owned(),
            request_id: "r".to_owned(),
            model: "small".to_owned(),
            is_model_new: false,
            turn: self.id,
            item: self.item,
        }))
    }

    /// Events that arrive together.
    fn hear<const N: usize>(&mut self, events: [StreamEvent; N]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for event in events {
            self.turn.on(Input::Call(event), self.now, &mut effects);
        }
        effects
    }

    fn passes(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn append(&self, events: impl Into<Vec<EventBody>>) -> Effect {
        Effect::Append {
            turn: self.id,
            events: events.into(),
        }
    }

    fn item_started(&self) -> Effect {
        self.append([EventBody::ItemStarted { item: self.item }])
    }

    fn item_completed(&self, text: &str, reasoning: &str) -> EventBody {
        let (text, reasoning) = (text.to_owned(), reasoning.to_owned());
        EventBody::ItemCompleted {
            item: self.item,
            text,
            reasoning,
        }
    }

    fn delta(&self, channel: Channel, offset: usize, text: &str) -> Effect {
        Effect::Delta(Delta {
            item: self.item,
            channel,
            offset,
            text: text.to_owned(),
        })
    }
}

fn message_start() -> StreamEvent {
    let (id, model) = ("msg_1".to_owned(), "small-id".to_owned());
    let usage = Usage {
        input_tokens: 11,
        ..Usage::default()
    };
    StreamEvent::MessageStart { id, model, usage }
}

fn words(text: &str) -> StreamEvent {
    StreamEvent::ContentBlockDelta {
        index: 0,
        delta: Growth::Text(text.to_owned()),
    }
}

fn thought(text: &str) -> StreamEvent {
    StreamEvent::ContentBlockDelta {
        index: 0,
        delta: Growth::Thinking(text.to_owned()),
    }
}

fn stops(stop_reason: StopReason) -> StreamEvent {
    StreamEvent::MessageDelta {
        stop_reason,
        stop_sequence: None,
        usage: USAGE,
    }
}

/// The end of a turn that took no time.
fn completed(status: TurnStatus, usage: Usage, model_used: &str) -> EventBody {
    EventBody::TurnCompleted {
        status,
        usage,
        model_used: model_used.to_owned(),
        elapsed_ms: 0,
        ttft_ms: None,
        error_code: None,
        error_message: String::new(),
    }
}

/// The same with the time to the first word and, where it failed, why.
fn with(body: EventBody, ttft: Option<u64>, error: Option<(ErrorCode, &str)>) -> EventBody {
    let EventBody::TurnCompleted {
        status,
        usage,
        model_used,
        elapsed_ms,
        ..
    } = body
    else {
        panic!("{body:?} ends no turn");
    };
    EventBody::TurnCompleted {
        status,
        usage,
        model_used,
        elapsed_ms,
        ttft_ms: ttft,
        error_code: error.map(|(code, _)| code),
        error_message: error.map_or(String::new(), |(_, message)| message.to_owned()),
    }
}

const PROMPT_ONLY: Usage = Usage {
    input_tokens: 11,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
};

#[test]
fn an_input_is_durable_before_the_model_is_called() {
    let mut scene = Scene::idle();
    let effects = scene.submit("hi");
    let expected = [
        scene.append([
            EventBody::InputAdmitted {
                text: "hi".to_owned(),
                request_id: "r".to_owned(),
            },
            EventBody::TurnStarted {
                model: "small".to_owned(),
            },
        ]),
        Effect::Call,
    ];
    assert_eq!(effects, expected);
    assert_eq!(scene.turn.running(), Some(scene.id));
}

#[test]
fn a_new_model_is_noted_before_the_input() {
    let mut scene = Scene::idle();
    let effects = scene.on(Input::Submit(Submit {
        text: "hi".to_owned(),
        request_id: String::new(),
        model: "large".to_owned(),
        is_model_new: true,
        turn: scene.id,
        item: scene.item,
    }));
    let Some(Effect::Append { events, .. }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        events.first(),
        Some(&EventBody::ModelChanged {
            model: "large".to_owned()
        })
    );
    assert_eq!(events.len(), 3);
}

#[test]
fn an_answer_is_an_item_that_begins_grows_and_completes() {
    let mut scene = Scene::called();
    scene.passes(40);
    let effects = scene.hear([message_start(), words("Hé")]);
    assert_eq!(
        effects,
        [scene.item_started(), scene.delta(Channel::Text, 0, "Hé")]
    );
    let effects = scene.hear([words("llo")]);
    assert_eq!(
        effects,
        [scene.delta(Channel::Text, 3, "llo")],
        "offsets count bytes"
    );
    scene.passes(60);
    let effects = scene.hear([stops(StopReason::EndTurn), StreamEvent::MessageStop]);
    let end = EventBody::TurnCompleted {
        status: TurnStatus::Completed,
        usage: USAGE,
        model_used: "small-id".to_owned(),
        elapsed_ms: 100,
        ttft_ms: Some(40),
        error_code: None,
        error_message: String::new(),
    };
    assert_eq!(
        effects,
        [scene.append([scene.item_completed("Héllo", ""), end])]
    );
    assert_eq!(scene.turn.running(), None);
}

#[test]
fn pieces_that_arrive_together_are_shown_together() {
    let mut scene = Scene::answering("a");
    let effects = scene.hear([
        words("b"),
        words("c"),
        thought("x"),
        thought("y"),
        words("d"),
    ]);
    let expected = [
        scene.delta(Channel::Text, 1, "bc"),
        scene.delta(Channel::Reasoning, 0, "xy"),
        scene.delta(Channel::Text, 3, "d"),
    ];
    assert_eq!(effects, expected);
}

#[test]
fn thoughts_are_kept_apart_from_words() {
    let mut scene = Scene::called();
    scene.hear([message_start(), thought("hm"), words("yes")]);
    let (item, offset) = (scene.item, 0);
    let expected =
        [(Channel::Reasoning, "hm"), (Channel::Text, "yes")].map(|(channel, text)| Delta {
            item,
            channel,
            offset,
            text: text.to_owned(),
        });
    assert_eq!(scene.turn.snapshots(), expected);
    let effects = scene.hear([stops(StopReason::EndTurn), StreamEvent::MessageStop]);
    let end = with(
        completed(TurnStatus::Completed, USAGE, "small-id"),
        Some(0),
        None,
    );
    assert_eq!(
        effects,
        [scene.append([scene.item_completed("yes", "hm"), end])]
    );
}

#[test]
fn an_interrupt_closes_the_call_and_keeps_what_was_said() {
    let mut scene = Scene::answering("half an ans");
    let effects = scene.on(Input::Interrupt);
    let end = with(
        completed(TurnStatus::Interrupted, PROMPT_ONLY, "small-id"),
        Some(0),
        None,
    );
    let kept = scene.append([scene.item_completed("half an ans", ""), end]);
    assert_eq!(effects, [Effect::CancelCall, kept]);
    assert_eq!(
        (scene.turn.running(), scene.turn.snapshots()),
        (None, Vec::new())
    );
}

#[test]
fn an_interrupt_before_the_first_word_leaves_no_item() {
    let mut scene = Scene::called();
    let effects = scene.on(Input::Interrupt);
    let end = completed(TurnStatus::Interrupted, Usage::default(), "");
    assert_eq!(effects, [Effect::CancelCall, scene.append([end])]);
}

#[test]
fn a_call_that_fails_leaves_its_error_and_what_was_said() {
    let failure = || Input::CallFailed {
        code: ErrorCode::Timeout,
        message: "silent".to_owned(),
    };
    let error = Some((ErrorCode::Timeout, "silent"));

    let mut scene = Scene::called();
    let end = with(
        completed(TurnStatus::Failed, Usage::default(), ""),
        None,
        error,
    );
    assert_eq!(scene.on(failure()), [scene.append([end])]);

    let mut scene = Scene::answering("so far");
    let end = with(
        completed(TurnStatus::Failed, PROMPT_ONLY, "small-id"),
        Some(0),
        error,
    );
    assert_eq!(
        scene.on(failure()),
        [scene.append([scene.item_completed("so far", ""), end])]
    );
}

#[test]
fn a_call_that_the_shutdown_cut_counts_as_interrupted() {
    let mut scene = Scene::answering("so far");
    let message = "the daemon is shutting down".to_owned();
    let effects = scene.on(Input::CallFailed {
        code: ErrorCode::ShuttingDown,
        message,
    });
    let end = with(
        completed(TurnStatus::Interrupted, PROMPT_ONLY, "small-id"),
        Some(0),
        None,
    );
    assert_eq!(
        effects,
        [scene.append([scene.item_completed("so far", ""), end])]
    );
}

#[test]
fn why_the_model_stopped_decides_how_the_turn_ended() {
    for (reason, status) in [
        (StopReason::EndTurn, TurnStatus::Completed),
        (StopReason::StopSequence, TurnStatus::Completed),
        (StopReason::MaxTokens, TurnStatus::Truncated),
        (
            StopReason::ModelContextWindowExceeded,
            TurnStatus::Truncated,
        ),
        (StopReason::Refusal, TurnStatus::Refused),
    ] {
        let mut scene = Scene::called();
        let effects = scene.hear([message_start(), stops(reason), StreamEvent::MessageStop]);
        let expected = scene.append([completed(status, USAGE, "small-id")]);
        assert_eq!(effects, [expected], "{reason:?}");
    }
}

#[test]
fn a_stream_that_just_ends_is_a_failure_unless_it_said_why() {
    let mut scene = Scene::called();
    scene.hear([message_start()]);
    let effects = scene.on(Input::CallEnded);
    let why = "the answer ended without saying why";
    let end = completed(TurnStatus::Failed, PROMPT_ONLY, "small-id");
    let end = with(end, None, Some((ErrorCode::BadUpstream, why)));
    assert_eq!(effects, [scene.append([end])]);

    let mut scene = Scene::called();
    scene.hear([message_start(), stops(StopReason::EndTurn)]);
    let effects = scene.on(Input::CallEnded);
    let end = completed(TurnStatus::Completed, USAGE, "small-id");
    assert_eq!(effects, [scene.append([end])]);
}

#[test]
fn an_answer_without_end_is_cut_at_the_limit() {
    let mut scene = Scene::answering(&"x".repeat(MAX_ANSWER_BYTES));
    let effects = scene.hear([words("y")]);
    let [Effect::CancelCall, Effect::Append { events, .. }] = effects.as_slice() else {
        panic!("{} effects", effects.len());
    };
    let [
        EventBody::ItemCompleted { text, .. },
        EventBody::TurnCompleted { status, .. },
    ] = events.as_slice()
    else {
        panic!("{} events", events.len());
    };
    assert_eq!(
        (text.len(), *status),
        (MAX_ANSWER_BYTES, TurnStatus::Truncated)
    );
}

#[test]
fn an_error_is_kept_short() {
    let mut scene = Scene::called();
    let message = "x".repeat(1 << 20);
    let effects = scene.on(Input::CallFailed {
        code: ErrorCode::Internal,
        message,
    });
    let [Effect::Append { events, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let [EventBody::TurnCompleted { error_message, .. }] = events.as_slice() else {
        panic!("{} events", events.len());
    };
    assert_eq!(error_message.chars().count(), MAX_ERROR_CHARS + 1);
}

#[test]
fn what_comes_too_late_or_too_early_changes_nothing() {
    let late = || {
        let failed = Input::CallFailed {
            code: ErrorCode::Internal,
            message: String::new(),
        };
        [
            Input::Call(words("late")),
            Input::CallEnded,
            Input::Interrupt,
            failed,
        ]
    };
    let mut scene = Scene::answering("all");
    scene.on(Input::Interrupt);
    for input in late() {
        assert_eq!(scene.on(input), []);
    }
    let mut scene = Scene::answering("all");
    assert_eq!(scene.submit("another"), []);
    assert_eq!(scene.turn.running(), Some(scene.id));
}
