//! Between the caller's dialect and the model server's: four ways there, and the four ways back.

use std::collections::VecDeque;

use bytes::Bytes;
use owlcoda_config::Protocol;
use owlcoda_models::Model;
use owlcoda_types::Usage;
use owlcoda_wire::anthropic::{StreamEvent, rename_model};
use owlcoda_wire::quirks::Quirks;
use owlcoda_wire::sse::Frame;
use owlcoda_wire::translate::{
    self, ChatContext, ChatRelay, ChatToMessages, Converted, MessagesRelay, MessagesToChat,
    RelayContext, StreamContext, StreamFault, Target, TranslateError,
};

use crate::call::{Call, Event, Request};

/// A request as the model server reads it.
pub(crate) struct Outgoing {
    pub(crate) body: Bytes,
    /// Names of what stays behind.
    pub(crate) dropped: Vec<String>,
    pub(crate) way_back: WayBack,
}

/// What the translation of the answer has to know of the request.
pub(crate) enum WayBack {
    ChatToMessages(Box<StreamContext>),
    ChatRelay(RelayContext),
    MessagesRelay { model: String },
    MessagesToChat(Box<ChatContext>),
}

/// Puts `call` into the words of `model`'s server. `shown` is the name that the answer carries.
pub(crate) fn outgoing(
    call: &Call,
    model: &Model,
    shown: String,
) -> Result<Outgoing, TranslateError> {
    let target = Target {
        model: &model.backend_model,
        context_window: model.context_window.map(u64::from),
        default_max_tokens: None,
        quirks: Quirks::of(model.server, &model.backend_model),
    };
    match (&call.request, model.protocol) {
        (Request::Messages(request), Protocol::OpenAi) => {
            let translated = translate::messages_to_chat(request, &target)?;
            let context = StreamContext {
                message_id: id(call, "msg_"),
                model: shown,
                estimated_input_tokens: translate::estimate_input_tokens(request),
                stop_sequences: request.stop_sequences.clone(),
                tool_names: translated.tool_names,
                written_calls: target.quirks.written_calls,
            };
            Ok(Outgoing {
                body: translated.body,
                dropped: translated.dropped,
                way_back: WayBack::ChatToMessages(Box::new(context)),
            })
        }
        (Request::Messages(request), Protocol::Anthropic) => {
            let name = &model.backend_model;
            // Thinking of another server has no signature, for which this one would refuse it all.
            let (body, dropped) = if let Some(signed) = request.without_unsigned_thinking() {
                (signed.to_upstream(name), vec!["thinking".to_owned()])
            } else {
                let renamed = call.raw.as_ref().and_then(|raw| rename_model(raw, name));
                let body = renamed.unwrap_or_else(|| request.to_upstream(name));
                (body, Vec::new())
            };
            let way_back = WayBack::MessagesRelay { model: shown };
            Ok(Outgoing {
                body,
                dropped,
                way_back,
            })
        }
        (Request::Chat(request), Protocol::OpenAi) => Ok(Outgoing {
            body: request.to_upstream(&model.backend_model),
            dropped: Vec::new(),
            way_back: WayBack::ChatRelay(RelayContext {
                model: shown,
                wants_usage_chunk: request.wants_usage_chunk(),
            }),
        }),
        (Request::Chat(request), Protocol::Anthropic) => {
            let translated = translate::chat_to_messages(request, &target)?;
            let context = ChatContext {
                id: id(call, "chatcmpl-"),
                created: call.at_ms / 1000,
                model: shown,
                wants_usage_chunk: request.wants_usage_chunk(),
                estimated_input_tokens: request.estimate_input_tokens(),
                tool_names: translated.tool_names,
            };
            Ok(Outgoing {
                body: translated.body,
                dropped: translated.dropped,
                way_back: WayBack::MessagesToChat(Box::new(context)),
            })
        }
    }
}

/// What is ours of the call's own id, with the prefix that the dialect wants.
fn id(call: &Call, prefix: &str) -> String {
    call.id.to_string().replacen("req_", prefix, 1)
}

impl WayBack {
    /// An answer that came all at once.
    pub(crate) fn whole(&self, answer: &[u8]) -> Result<Converted, StreamFault> {
        match self {
            Self::ChatToMessages(context) => translate::chat_response_to_messages(answer, context),
            Self::ChatRelay(context) => translate::relay_chat_response(answer, &context.model),
            Self::MessagesRelay { model } => translate::relay_messages_response(answer, model),
            Self::MessagesToChat(context) => translate::messages_response_to_chat(answer, context),
        }
    }

    /// For an answer that comes as a stream.
    pub(crate) fn translator(self) -> Translator {
        let machine = match self {
            Self::ChatToMessages(context) => {
                Machine::ChatToMessages(Box::new(ChatToMessages::new(*context)))
            }
            Self::ChatRelay(context) => Machine::ChatRelay(ChatRelay::new(context)),
            Self::MessagesRelay { model } => Machine::MessagesRelay(MessagesRelay::new(&model)),
            Self::MessagesToChat(context) => {
                Machine::MessagesToChat(Box::new(MessagesToChat::new(*context)))
            }
        };
        Translator {
            machine,
            events: Vec::new(),
            chunks: Vec::new(),
        }
    }
}

/// Turns frames into events. After an error it is not to be used again.
#[derive(Debug)]
pub(crate) struct Translator {
    machine: Machine,
    /// Reused for each frame.
    events: Vec<StreamEvent>,
    /// Reused for each frame.
    chunks: Vec<Bytes>,
}

#[derive(Debug)]
enum Machine {
    ChatToMessages(Box<ChatToMessages>),
    ChatRelay(ChatRelay),
    MessagesRelay(MessagesRelay),
    MessagesToChat(Box<MessagesToChat>),
}

impl Translator {
    /// Takes one frame in and adds what it amounts to to `out`.
    pub(crate) fn push(
        &mut self,
        frame: &Frame,
        out: &mut VecDeque<Event>,
    ) -> Result<(), StreamFault> {
        let (name, data) = (frame.event.as_deref(), &frame.data[..]);
        match &mut self.machine {
            Machine::ChatToMessages(machine) => machine.push(data, &mut self.events)?,
            Machine::ChatRelay(relay) => out.extend(relay.push(data)?.map(Event::Chat)),
            Machine::MessagesRelay(relay) => {
                out.extend(relay.push(name, data)?.map(Event::Relayed));
            }
            Machine::MessagesToChat(machine) => machine.push(name, data, &mut self.chunks)?,
        }
        self.hand_over(out);
        Ok(())
    }

    /// The model server has said all. Fails where what it said has no end.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Event>) -> Result<(), StreamFault> {
        match &mut self.machine {
            Machine::ChatToMessages(machine) => machine.finish(&mut self.events)?,
            Machine::ChatRelay(relay) => relay.finish()?,
            Machine::MessagesRelay(relay) => relay.finish()?,
            Machine::MessagesToChat(machine) => machine.finish(&mut self.chunks)?,
        }
        self.hand_over(out);
        Ok(())
    }

    fn hand_over(&mut self, out: &mut VecDeque<Event>) {
        out.extend(self.events.drain(..).map(Event::Messages));
        out.extend(self.chunks.drain(..).map(Event::Chat));
    }

    /// Whether the model server has marked the end, so that nothing more has to be read.
    pub(crate) fn is_done(&self) -> bool {
        match &self.machine {
            Machine::ChatToMessages(machine) => machine.is_done(),
            Machine::ChatRelay(relay) => relay.is_done(),
            Machine::MessagesRelay(relay) => relay.is_done(),
            Machine::MessagesToChat(machine) => machine.is_done(),
        }
    }

    /// What the model server has counted so far.
    pub(crate) fn usage(&self) -> Usage {
        let counted = match &self.machine {
            Machine::ChatToMessages(machine) => machine.usage(),
            Machine::ChatRelay(relay) => relay.usage(),
            Machine::MessagesRelay(relay) => relay.usage(),
            Machine::MessagesToChat(machine) => machine.usage(),
        };
        counted.unwrap_or_default()
    }
}
