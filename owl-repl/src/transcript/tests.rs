//! The rules of the transcript one by one, and all of them under any cut of the stream.

use owlcoda_proto::v1::{
    AttachAck, Gap, Heartbeat, InputAdmitted, ItemCompleted, ItemStarted, Live, SessionCreated,
    TurnStarted, TurnStatus,
};
use proptest::prelude::*;

use super::*;

fn frame(kind: Kind) -> Frame {
    Frame { frame: Some(kind) }
}

fn event(seq: u64, body: Body) -> Frame {
    frame(Kind::Event(Event {
        seq,
        at_ms: 0,
        turn_id: "trn_1".to_owned(),
        body: Some(body),
    }))
}

fn piece(channel: Channel, offset: usize, text: &str) -> Delta {
    Delta {
        item_id: "itm_1".to_owned(),
        channel: channel.into(),
        offset: u64::try_from(offset).unwrap(),
        text: text.to_owned(),
    }
}

fn delta(offset: usize, text: &str) -> Frame {
    frame(Kind::Delta(piece(Channel::Text, offset, text)))
}

fn snapshot(text: &str) -> Frame {
    frame(Kind::Snapshot(piece(Channel::Text, 0, text)))
}

fn live() -> Frame {
    frame(Kind::Live(Live {}))
}

fn input(seq: u64, text: &str) -> Frame {
    event(
        seq,
        Body::InputAdmitted(InputAdmitted {
            text: text.to_owned(),
        }),
    )
}

fn turn_started(seq: u64) -> Frame {
    event(seq, Body::TurnStarted(TurnStarted::default()))
}

fn item_started(seq: u64) -> Frame {
    event(
        seq,
        Body::ItemStarted(ItemStarted {
            item_id: "itm_1".to_owned(),
        }),
    )
}

fn item_completed(seq: u64, text: &str) -> Frame {
    let item = ItemCompleted {
        item_id: "itm_1".to_owned(),
        text: text.to_owned(),
        reasoning: String::new(),
    };
    event(seq, Body::ItemCompleted(item))
}

fn completed() -> TurnCompleted {
    TurnCompleted {
        status: TurnStatus::Completed.into(),
        ..TurnCompleted::default()
    }
}

fn turn_completed(seq: u64) -> Frame {
    event(seq, Body::TurnCompleted(completed()))
}

fn show(transcript: &mut Transcript, frames: impl IntoIterator<Item = Frame>) -> Vec<Output> {
    frames
        .into_iter()
        .flat_map(|frame| transcript.on(frame))
        .collect()
}

fn text_of(outputs: &[Output]) -> String {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn ended(is_replay: bool) -> Output {
    Output::TurnEnded(TurnEnd {
        turn_id: "trn_1".to_owned(),
        outcome: completed(),
        is_replay,
    })
}

#[test]
fn a_conversation_that_is_over_is_replayed_whole_and_then_it_is_the_user_s_move() {
    let mut transcript = Transcript::default();
    let outputs = show(
        &mut transcript,
        [
            frame(Kind::Ack(AttachAck::default())),
            event(1, Body::SessionCreated(SessionCreated::default())),
            input(2, "hi"),
            turn_started(3),
            item_started(4),
            item_completed(5, "hello"),
            turn_completed(6),
        ],
    );
    let expected = [
        Output::Input("hi".to_owned()),
        Output::Text("hello".to_owned()),
        Output::AnswerEnded,
        ended(true),
    ];
    assert_eq!(outputs, expected);
    assert!(!transcript.is_idle());
    assert_eq!(transcript.on(live()), []);
    assert!(transcript.is_idle());
    assert_eq!(transcript.last_seq(), 6);
}

#[test]
fn what_was_typed_here_is_not_shown_again_and_its_turn_runs_at_once() {
    let mut transcript = Transcript::default();
    show(&mut transcript, [live()]);
    transcript.submitted("trn_1".to_owned(), 2);
    assert!(!transcript.is_idle());
    assert_eq!(
        show(&mut transcript, [input(2, "mine"), turn_started(3)]),
        []
    );
    assert_eq!(transcript.running_turn_id(), Some("trn_1"));
    assert_eq!(show(&mut transcript, [turn_completed(4)]), [ended(false)]);
    let others = show(&mut transcript, [input(5, "another client's")]);
    assert_eq!(others, [Output::Input("another client's".to_owned())]);
}

#[test]
fn an_answer_that_was_over_before_the_stream_was_attached_is_no_replay() {
    let mut transcript = Transcript::default();
    transcript.submitted("trn_1".to_owned(), 1);
    let frames = [input(1, "mine"), turn_started(2), turn_completed(3), live()];
    assert_eq!(show(&mut transcript, frames), [ended(false)]);
    assert!(transcript.is_idle());
}

#[test]
fn coming_in_mid_answer_shows_the_whole_answer_once() {
    let mut transcript = Transcript::default();
    let outputs = show(
        &mut transcript,
        [
            turn_started(1),
            item_started(2),
            snapshot("one "),
            live(),
            delta(0, "one "),
            delta(4, "two"),
            item_completed(3, "one two three"),
        ],
    );
    assert_eq!(text_of(&outputs), "one two three");
    assert_eq!(transcript.running_turn_id(), Some("trn_1"));
}

#[test]
fn a_delta_beyond_what_is_known_waits_for_the_end_of_its_item() {
    let mut transcript = Transcript::default();
    let early = show(
        &mut transcript,
        [item_started(1), delta(4, "two "), delta(8, "three")],
    );
    assert_eq!(early, []);
    let outputs = show(&mut transcript, [item_completed(2, "one two three")]);
    assert_eq!(text_of(&outputs), "one two three");
}

#[test]
fn deltas_of_an_item_that_is_not_open_show_nothing() {
    let mut transcript = Transcript::default();
    assert_eq!(show(&mut transcript, [delta(0, "never opened")]), []);
    show(
        &mut transcript,
        [item_started(1), item_completed(2, "done")],
    );
    assert_eq!(show(&mut transcript, [delta(0, "done"), delta(4, "!")]), []);
}

#[test]
fn reasoning_is_not_part_of_the_answer() {
    let mut transcript = Transcript::default();
    let thought = frame(Kind::Delta(piece(Channel::Reasoning, 0, "hm")));
    let outputs = show(&mut transcript, [item_started(1), thought, delta(0, "yes")]);
    assert_eq!(text_of(&outputs), "yes");
}

#[test]
fn an_event_that_comes_again_is_not_shown_again() {
    let mut transcript = Transcript::default();
    show(
        &mut transcript,
        [item_started(1), item_completed(2, "done")],
    );
    assert_eq!(
        show(
            &mut transcript,
            [item_started(1), item_completed(2, "done")]
        ),
        []
    );
    let ending = show(&mut transcript, [turn_completed(3), turn_completed(3)]);
    assert_eq!(ending, [ended(true)]);
}

#[test]
fn a_gap_and_a_heartbeat_that_is_ahead_ask_for_a_new_stream() {
    let mut transcript = Transcript::default();
    show(&mut transcript, [turn_started(5)]);
    let gap = frame(Kind::Gap(Gap { resume_after: 3 }));
    assert_eq!(transcript.on(gap), [Output::Lost]);
    let beat = |head_seq| frame(Kind::Heartbeat(Heartbeat { head_seq }));
    assert_eq!(transcript.on(beat(5)), []);
    assert_eq!(transcript.on(beat(6)), [Output::Lost]);
    assert_eq!(transcript.last_seq(), 5);
}

#[test]
fn offsets_that_make_no_sense_neither_panic_nor_show_half_a_character() {
    let mut transcript = Transcript::default();
    let outputs = show(
        &mut transcript,
        [
            item_started(1),
            delta(usize::MAX, "far"),
            delta(0, "é"),
            delta(1, "漢"),
            delta(0, "é!"),
        ],
    );
    assert_eq!(text_of(&outputs), "é!");
    assert_eq!(
        text_of(&show(&mut transcript, [item_completed(2, "x")])),
        ""
    );
}

/// What may happen on the way from a daemon to a client.
#[derive(Clone, Debug)]
enum Happening {
    /// The model says the next piece; it arrives or is dropped.
    Says { text: String, arrives: bool },
    /// Bytes from the middle of the answer come again.
    Repeats { from: prop::sample::Index },
    /// The stream ends and is attached again; the last events may come once more.
    Reattaches { n_again: u64 },
    /// The item ends and another begins.
    Ends,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => ("[a-zé漢\n]{1,6}", prop::bool::weighted(0.8))
            .prop_map(|(text, arrives)| Happening::Says { text, arrives }),
        1 => any::<prop::sample::Index>().prop_map(|from| Happening::Repeats { from }),
        1 => (0..3_u64).prop_map(|n_again| Happening::Reattaches { n_again }),
        1 => Just(Happening::Ends),
    ]
}

/// A daemon's side of one conversation: its log and the item that is open.
#[derive(Default)]
struct Side {
    log: Vec<Frame>,
    open_text: String,
    said: String,
}

impl Side {
    fn next_seq(&self) -> u64 {
        u64::try_from(self.log.len()).unwrap_or(u64::MAX) + 1
    }

    fn start(&mut self) -> Frame {
        self.log.push(item_started(self.next_seq()));
        self.open_text.clear();
        item_started(self.next_seq() - 1)
    }

    fn end(&mut self) -> Frame {
        self.log
            .push(item_completed(self.next_seq(), &self.open_text));
        self.said.push_str(&self.open_text);
        item_completed(self.next_seq() - 1, &self.open_text)
    }

    /// Frames of a new stream after `seq`.
    fn attach(&self, seq: u64) -> Vec<Frame> {
        let n_seen = usize::try_from(seq).unwrap_or(usize::MAX);
        let ack = frame(Kind::Ack(AttachAck::default()));
        let events = self.log.iter().skip(n_seen).cloned();
        let tail = [snapshot(&self.open_text), live()];
        [ack].into_iter().chain(events).chain(tail).collect()
    }
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_and_repeated_each_answer_is_shown_once(
        happenings in prop::collection::vec(happening(), 0..60)
    ) {
        let mut side = Side::default();
        let mut transcript = Transcript::default();
        let mut outputs = Vec::new();
        let start = side.start();
        outputs.extend(transcript.on(start));
        for happening in happenings {
            let frames = match happening {
                Happening::Says { text, arrives } => {
                    let offset = side.open_text.len();
                    side.open_text.push_str(&text);
                    if arrives { vec![delta(offset, &text)] } else { Vec::new() }
                }
                Happening::Repeats { from } => {
                    let starts: Vec<usize> =
                        side.open_text.char_indices().map(|(offset, _)| offset).collect();
                    if starts.is_empty() {
                        Vec::new()
                    } else {
                        let offset = *from.get(&starts);
                        vec![delta(offset, side.open_text.get(offset..).unwrap_or_default())]
                    }
                }
                Happening::Reattaches { n_again } => {
                    side.attach(transcript.last_seq().saturating_sub(n_again))
                }
                Happening::Ends => vec![side.end(), side.start()],
            };
            outputs.extend(show(&mut transcript, frames));
            // Never ahead of what was said, at any moment.
            let so_far = format!("{}{}", side.said, side.open_text);
            prop_assert!(so_far.starts_with(&text_of(&outputs)));
        }
        let end = side.end();
        outputs.extend(transcript.on(end));
        prop_assert_eq!(text_of(&outputs), side.said);
    }
}
