//! The model call of the turn that runs, from its opening to its last event.

use std::future::{Future, pending};
use std::pin::Pin;

use futures_util::StreamExt;
use owlcoda_pipeline::{Answer, Call, Event, EventStream, Failure, Pipeline};
use owlcoda_types::ErrorCode;
use owlcoda_wire::anthropic::EventReader;

use crate::machine::Input;

/// A model call, if there is one. Dropping it closes the connection to the model server.
#[derive(Default)]
pub(crate) enum ModelCall {
    /// There is none.
    #[default]
    None,
    /// The first event has not come.
    Opening(Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>),
    /// Events come; the reader is for those that the model server wrote itself.
    Streaming(Box<EventStream>, EventReader),
}

impl ModelCall {
    /// Calls the model. Nothing happens before the first [`Self::next`].
    pub(crate) fn open(pipeline: &Pipeline, call: Call) -> Self {
        let pipeline = pipeline.clone();
        Self::Opening(Box::pin(async move { pipeline.run(call).await }))
    }

    /// What the call has to say; waits for ever where there is none. Cancel-safe: the call goes on
    /// from where it was. After the end or an error there is no call.
    pub(crate) async fn next(&mut self) -> Input {
        loop {
            match self {
                Self::None => pending().await,
                Self::Opening(opening) => match opening.await {
                    Ok(Answer::Stream(events)) => {
                        *self = Self::Streaming(events, EventReader::default());
                    }
                    Ok(Answer::Whole(_)) => {
                        *self = Self::None;
                        return not_understood();
                    }
                    Err(error) => {
                        *self = Self::None;
                        return failed(&error);
                    }
                },
                Self::Streaming(events, reader) => {
                    let heard = match events.next().await {
                        Some(Ok(Event::Messages(event))) => return Input::Call(event),
                        Some(Ok(Event::Relayed(relayed))) => match reader.read(&relayed.data) {
                            Some(event) => return Input::Call(event),
                            None => continue,
                        },
                        Some(Ok(Event::Chat(_))) => not_understood(),
                        Some(Err(error)) => failed(&error),
                        None => Input::CallEnded,
                    };
                    *self = Self::None;
                    return heard;
                }
            }
        }
    }
}

fn failed(error: &Failure) -> Input {
    // The cause is in no message but its own; a person who sees one line needs all of them.
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    // The same word that callers over HTTP get, for programs and for whoever asks about it.
    if let Some(kind) = error.kind() {
        message = format!("{message} ({kind})");
    }
    Input::CallFailed {
        code: error.code(),
        message,
    }
}

/// An answer in a form that was not asked for.
fn not_understood() -> Input {
    let message = "the answer came in a form that was not asked for".to_owned();
    Input::CallFailed {
        code: ErrorCode::Internal,
        message,
    }
}

impl std::fmt::Debug for ModelCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Opening(_) => "Opening",
            Self::Streaming(..) => "Streaming",
        })
    }
}
