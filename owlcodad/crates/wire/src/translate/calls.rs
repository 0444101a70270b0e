//! Tells which tool call a piece belongs to.
//!
//! The rules, in order: a known id at the same index continues its call; a new id
//! with a name is a new call, even at an index that is taken (Ollama numbers all
//! calls 0); a piece without a name continues the call at its index, whatever id
//! it carries (OCI sends a fresh one each time); a name without an id is a new
//! call unless it repeats that of the unfinished call at its index.

use std::borrow::Cow;

use super::arguments::Arguments;
use super::error::StreamFault;
use super::names::{ToolNames, id_for_caller};
use crate::openai::{Halves, ToolCall, decode_text};

/// Most calls in one answer.
const MAX_CALLS: usize = 1024;

/// Most bytes of arguments in one answer, and of what waits behind an open call.
pub(super) const MAX_HELD_BYTES: usize = 16 << 20;

/// One tool call of the answer.
#[derive(Debug, Default)]
pub(super) struct Call {
    index: Option<i64>,
    upstream_id: String,
    name: String,
    pub(super) arguments: Arguments,
    halves: Halves,
}

/// All tool calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    /// The ids given out, to keep them apart.
    ids: Vec<String>,
    n_bytes: usize,
}

/// What a piece did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It named a call that can now be begun.
    Named(usize),
    /// It added to a call, or to none.
    Added,
}

impl Calls {
    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Call> {
        self.list.get_mut(number)
    }

    /// How many calls the caller has been told of.
    pub(super) fn n_begun(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are arguments for a call whose name never came.
    pub(super) fn has_nameless(&self) -> bool {
        let mut calls = self.list.iter();
        calls.any(|call| call.name.is_empty() && !call.arguments.is_empty())
    }

    /// Takes one piece of one call in.
    pub(super) fn push(&mut self, piece: &ToolCall<'_>) -> Result<Taken, StreamFault> {
        let id = piece.id.as_ref().map_or("", |id| &*id.0);
        let function = piece.function.as_ref();
        let name = function
            .and_then(|function| function.name.as_ref())
            .map_or("", |name| &*name.0);
        let raw = function
            .and_then(|function| function.arguments)
            .filter(|raw| raw.get() != "null");
        // Only to compare with what has come; decoded for good below.
        let peeked = raw.and_then(|raw| decode_text(raw, &mut Halves::default()));
        let number = match self.find(piece.index, id, name, peeked.as_deref()) {
            Some(number) => number,
            None if id.is_empty()
                && name.is_empty()
                && peeked.as_deref().is_none_or(str::is_empty) =>
            {
                return Ok(Taken::Added);
            }
            None => self.add(piece.index, id)?,
        };
        let Some(call) = self.list.get_mut(number) else {
            return Ok(Taken::Added);
        };
        if let Some(raw) = raw {
            let text = match decode_text(raw, &mut call.halves) {
                Some(text) => text,
                // An object in place of its text.
                None => Cow::Borrowed(raw.get()),
            };
            self.n_bytes += call.arguments.push(&text);
        }
        let is_named_now = call.name.is_empty() && !name.is_empty();
        if is_named_now {
            name.clone_into(&mut call.name);
            self.n_bytes += name.len();
        }
        if self.n_bytes > MAX_HELD_BYTES {
            return Err(StreamFault::TooLong {
                limit_bytes: MAX_HELD_BYTES,
            });
        }
        Ok(if is_named_now {
            Taken::Named(number)
        } else {
            Taken::Added
        })
    }

    /// Takes a whole call that has no id and no index.
    pub(super) fn push_written(
        &mut self,
        name: &str,
        arguments: &str,
    ) -> Result<usize, StreamFault> {
        let number = self.add(None, "")?;
        if let Some(call) = self.list.get_mut(number) {
            name.clone_into(&mut call.name);
            call.arguments.push(arguments);
        }
        Ok(number)
    }

    /// The id and name under which the caller sees a call.
    pub(super) fn head(
        &mut self,
        number: usize,
        message_id: &str,
        names: &ToolNames,
    ) -> Option<(String, String)> {
        let call = self.list.get(number)?;
        let id = id_for_caller(&call.upstream_id, message_id, number);
        let id = if self.ids.contains(&id) {
            // The number makes it unique unless the server plays games.
            let mut unique = format!("{id}_{number}");
            while self.ids.contains(&unique) {
                unique.push('_');
            }
            unique
        } else {
            id
        };
        let name = names.original(&call.name).to_owned();
        self.ids.push(id.clone());
        Some((id, name))
    }

    fn add(&mut self, index: Option<i64>, id: &str) -> Result<usize, StreamFault> {
        self.n_bytes += id.len();
        if self.list.len() >= MAX_CALLS {
            return Err(StreamFault::TooLong {
                limit_bytes: MAX_HELD_BYTES,
            });
        }
        self.list.push(Call {
            index,
            upstream_id: id.to_owned(),
            ..Call::default()
        });
        Ok(self.list.len() - 1)
    }

    fn find(&self, index: Option<i64>, id: &str, name: &str, text: Option<&str>) -> Option<usize> {
        let at_index = self.last(|call| call.is_at(index));
        match (id.is_empty(), name.is_empty()) {
            (true, true) => at_index,
            (false, true) => self.last(|call| call.upstream_id == id).or(at_index),
            (false, false) => self
                .last(|call| call.upstream_id == id && call.is_at(index))
                .filter(|number| self.goes_on(*number, text)),
            (true, false) => at_index.filter(|number| {
                self.list.get(*number).is_some_and(|call| {
                    call.name.is_empty() || (call.name == name && !call.arguments.is_complete())
                })
            }),
        }
    }

    /// Whether a piece under a known id and name is of the same call: not if that
    /// one is whole and the piece has other arguments.
    fn goes_on(&self, number: usize, text: Option<&str>) -> bool {
        let Some(call) = self.list.get(number) else {
            return false;
        };
        let begins_anew = text.is_some_and(|text| {
            text.trim_start().starts_with('{') && !call.arguments.repeats(text)
        });
        !(call.arguments.is_complete() && begins_anew)
    }

    fn last(&self, is_it: impl Fn(&Call) -> bool) -> Option<usize> {
        self.list.iter().rposition(is_it)
    }
}

impl Call {
    /// A side that does not number its calls means the last one.
    fn is_at(&self, index: Option<i64>) -> bool {
        match (self.index, index) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        }
    }
}
