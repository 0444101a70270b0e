//! Calls that must be on record: none is made without a place for it, and no answer ends before it is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use owlcoda_pipeline::{
    Admitting, Answer, CallError, Outcome, Pipeline, Place, Receipt, Recorder, Settled, Unrecorded,
};
use owlcoda_supervise::CancellationToken;
use owlcoda_testkit::Script;
use owlcoda_types::ErrorCode;
use owlcoda_upstream::Upstream;
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::setup::{DIALECTS, MODES, Mode, Room, call, text_of};

type Verdict = oneshot::Sender<Result<(), Unrecorded>>;

/// Gives every call a place, or none, and says when a record is where it should be.
#[derive(Debug)]
struct Strict {
    refusal: Option<Unrecorded>,
    /// What is recorded without a place.
    others: Mutex<Vec<Settled>>,
    recorded: UnboundedSender<(Settled, Verdict)>,
}

impl Recorder for Strict {
    fn admit(&self, call: &Settled) -> Option<Admitting> {
        assert_eq!(
            (call.n_attempts, &call.endpoint),
            (0, &None),
            "asked already"
        );
        let (refusal, recorded) = (self.refusal, self.recorded.clone());
        Some(Box::pin(async move {
            // As a real one it has to wait.
            tokio::task::yield_now().await;
            match refusal {
                Some(refusal) => Err(refusal),
                None => Ok(Box::new(Seat { recorded }) as Box<dyn Place>),
            }
        }))
    }

    fn record(&self, settled: Settled) {
        self.others.lock().push(settled);
    }
}

#[derive(Debug)]
struct Seat {
    recorded: UnboundedSender<(Settled, Verdict)>,
}

impl Place for Seat {
    fn record(self: Box<Self>, settled: Settled) -> Receipt {
        let (verdict, receipt) = oneshot::channel();
        self.recorded.send((settled, verdict)).unwrap();
        Box::pin(async move { receipt.await.unwrap() })
    }
}

type Records = UnboundedReceiver<(Settled, Verdict)>;

fn strict(room: &Room, refusal: Option<Unrecorded>) -> (Pipeline, Arc<Strict>, Records) {
    let (sender, records) = unbounded_channel();
    let recorder = Arc::new(Strict {
        refusal,
        others: Mutex::default(),
        recorded: sender,
    });
    let upstream = Upstream::try_new(Duration::from_mins(1)).unwrap();
    let stopping = CancellationToken::new();
    let shared: Arc<dyn Recorder> = recorder.clone();
    let pipeline = Pipeline::new(room.live.clone(), upstream, shared, stopping);
    (pipeline, recorder, records)
}

const NOT_WRITTEN: Unrecorded = Unrecorded::NotWritten {
    waited: Duration::from_secs(5),
};

#[tokio::test]
async fn without_a_place_nothing_is_sent_and_the_caller_may_come_again() {
    let room = Room::new().await;
    let waited = Duration::from_millis(250);
    for refusal in [Unrecorded::NoRoom { waited }, Unrecorded::NoStore] {
        let (pipeline, recorder, _records) = strict(&room, Some(refusal));
        for (dialect, mode) in DIALECTS.into_iter().zip(MODES) {
            let failure = pipeline.run(call(dialect, mode)).await.unwrap_err();
            assert_eq!(failure.code(), ErrorCode::Busy);
            assert_eq!(failure.retry_after(), Some(Duration::from_secs(1)));
            assert!(failure.to_string().contains("`audit.mode` is `strict`"));
        }
        let others = recorder.others.lock();
        let ends: Vec<_> = others.iter().map(|end| (end.outcome, end.status)).collect();
        assert_eq!(ends, [(Outcome::Failed(ErrorCode::Busy), 503); 2]);
    }
    assert!(room.fake.requests().is_empty(), "a model was asked");
}

#[tokio::test]
async fn a_whole_answer_is_given_once_it_is_on_record_and_not_without() {
    let room = Room::new().await;
    room.fake.always(Script::reply("hello"));
    let (pipeline, _, mut records) = strict(&room, None);
    for written in [Ok(()), Err(NOT_WRITTEN)] {
        for dialect in DIALECTS {
            let run = pipeline.run(call(dialect, Mode::Whole));
            tokio::pin!(run);
            let (settled, verdict) = tokio::select! {
                record = records.recv() => record.unwrap(),
                answer = &mut run => panic!("given without a record: {answer:?}"),
            };
            assert_eq!(settled.outcome, Outcome::Ok);
            verdict.send(written).unwrap();
            match (run.await, written) {
                (Ok(Answer::Whole(_)), Ok(())) => {}
                (Err(failure), Err(why)) => {
                    assert!(matches!(failure.error, CallError::Unrecorded(found) if found == why));
                }
                (answer, _) => panic!("{answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_stream_ends_once_it_is_on_record_and_else_with_an_error() {
    let room = Room::new().await;
    room.fake.always(Script::text_stream(&["hel", "lo"]));
    let (pipeline, _, mut records) = strict(&room, None);
    for written in [Ok(()), Err(NOT_WRITTEN)] {
        for dialect in DIALECTS {
            let answer = pipeline.run(call(dialect, Mode::Stream)).await.unwrap();
            let Answer::Stream(mut stream) = answer else {
                panic!("a whole answer")
            };
            let mut events = Vec::new();
            let (settled, verdict) = loop {
                tokio::select! {
                    biased;
                    record = records.recv() => break record.unwrap(),
                    event = stream.next() => match event {
                        Some(event) => events.push(event.unwrap()),
                        None => panic!("ended without a record"),
                    },
                }
            };
            assert_eq!(settled.outcome, Outcome::Ok);
            assert!(stream.next().now_or_never().is_none(), "it goes on");
            verdict.send(written).unwrap();
            let rest: Vec<_> = stream.collect().await;
            if written.is_ok() {
                events.extend(rest.into_iter().map(Result::unwrap));
                assert_eq!(text_of(&events), "hello");
                continue;
            }
            let [Err(failure)] = &rest[..] else {
                panic!("{rest:?}")
            };
            assert_eq!(failure.code(), ErrorCode::Busy);
        }
    }
}

#[tokio::test]
async fn a_caller_that_leaves_is_on_record_in_its_place() {
    let room = Room::new().await;
    room.fake.always(Script::text_stream(&["hel", "lo"]));
    let (pipeline, recorder, mut records) = strict(&room, None);
    let answer = pipeline.run(call(DIALECTS[0], Mode::Stream)).await;
    drop(answer.unwrap());
    let (settled, _) = records.recv().await.unwrap();
    assert_eq!(settled.outcome, Outcome::ClientGone);
    assert!(recorder.others.lock().is_empty());
}

#[tokio::test]
async fn a_failure_is_told_as_it_was_whatever_becomes_of_its_record() {
    let room = Room::new().await;
    room.fake.always(Script::error(500, "no"));
    let (pipeline, _, mut records) = strict(&room, None);
    let run = pipeline.run(call(DIALECTS[1], Mode::Whole));
    let judge = async {
        let (settled, verdict) = records.recv().await.unwrap();
        assert_eq!(settled.status, 500);
        verdict.send(Err(NOT_WRITTEN)).unwrap();
    };
    let (answer, ()) = tokio::join!(run, judge);
    assert_eq!(answer.unwrap_err().code(), ErrorCode::UpstreamFailed);
}
