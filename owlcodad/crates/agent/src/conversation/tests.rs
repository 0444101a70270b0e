//! A conversation from its events: what a model is shown of it.

use owlcoda_types::ItemId;
use owlcoda_wire::anthropic::{Content, Role};

use super::*;

/// A conversation of inputs and answers; an empty answer is a turn that said nothing.
fn conversation(exchanges: &[(&str, &str)]) -> Conversation {
    let mut conversation = Conversation::default();
    for (input, answer) in exchanges {
        say(&mut conversation, input, answer);
    }
    conversation
}

fn say(conversation: &mut Conversation, input: &str, answer: &str) {
    let (text, request_id) = (input.to_owned(), String::new());
    conversation.apply(&EventBody::InputAdmitted { text, request_id });
    if !answer.is_empty() {
        conversation.apply(&EventBody::ItemCompleted {
            item: ItemId::generate(),
            text: answer.to_owned(),
            reasoning: "never sent".to_owned(),
        });
    }
}

fn messages(request: &Request) -> Vec<(Role, String)> {
    request
        .messages
        .iter()
        .map(|message| (message.role, text(&message.content)))
        .collect()
}

fn said(messages: &[(Role, &str)]) -> Vec<(Role, String)> {
    let owned = messages
        .iter()
        .map(|(role, text)| (*role, (*text).to_owned()));
    owned.collect()
}

fn text(content: &Content) -> String {
    match content {
        Content::Text(text) => text.decoded().into_owned(),
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn inputs_and_answers_take_turns_and_thoughts_stay_here() {
    let conversation = conversation(&[("one", "1"), ("two", "2"), ("three", "")]);
    let request = conversation.next_request("small", None);
    let expected = [
        (Role::User, "one"),
        (Role::Assistant, "1"),
        (Role::User, "two"),
        (Role::Assistant, "2"),
        (Role::User, "three"),
    ];
    assert_eq!(messages(&request), said(&expected));
    assert_eq!(
        (request.model.as_str(), request.stream, request.max_tokens),
        ("small", true, Some(MAX_ANSWER_TOKENS))
    );
}

#[test]
fn an_input_that_got_no_answer_is_said_together_with_the_next() {
    let conversation = conversation(&[("one", ""), ("two", ""), ("three", "3"), ("four", "")]);
    let request = conversation.next_request("small", None);
    let expected = [
        (Role::User, "one\n\ntwo\n\nthree"),
        (Role::Assistant, "3"),
        (Role::User, "four"),
    ];
    assert_eq!(messages(&request), said(&expected));
}

#[test]
fn what_does_not_fit_the_window_goes_oldest_first_in_whole_exchanges() {
    let long = "word ".repeat(120);
    let mut conversation = conversation(&[]);
    for _ in 0..20 {
        say(&mut conversation, &long, &long);
    }
    say(&mut conversation, "last", "");
    let request = conversation.next_request("small", Some(4096));
    let sent = messages(&request);
    assert_eq!(request.max_tokens, Some(1024));
    assert_eq!(
        sent.first(),
        Some(&(Role::User, long)),
        "begins with an input"
    );
    assert_eq!(sent.last(), Some(&(Role::User, "last".to_owned())));
    // 3072 tokens are left for a prompt; an exchange is estimated at 416.
    assert_eq!((sent.len() - 1) / 2, 4, "exchanges that were sent");
}

#[test]
fn the_beginning_of_the_prompt_stays_for_several_turns() {
    let long = "word ".repeat(120);
    let mut conversation = conversation(&[]);
    let mut beginnings = Vec::new();
    for n in 0..24 {
        say(&mut conversation, &format!("{n} {long}"), "");
        let request = conversation.next_request("small", Some(4096));
        conversation.apply(&EventBody::ItemCompleted {
            item: ItemId::generate(),
            text: long.clone(),
            reasoning: String::new(),
        });
        let beginning = messages(&request)[0]
            .1
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        beginnings.push(beginning);
    }
    beginnings.dedup();
    assert_eq!(beginnings, ["0", "4", "8", "12", "16", "20"]);
}

#[test]
fn the_last_input_is_sent_even_where_it_cannot_fit() {
    let long = "word ".repeat(10_000);
    for window in [0, 1, 512] {
        let conversation = conversation(&[("one", "1"), (&long, "")]);
        let request = conversation.next_request("small", Some(window));
        assert_eq!(
            messages(&request),
            said(&[(Role::User, &long)]),
            "window of {window}"
        );
        assert!(request.max_tokens >= Some(1));
    }
}

#[test]
fn what_is_kept_in_memory_is_bounded_and_the_last_input_stays() {
    let long = "x".repeat(1 << 20);
    let mut conversation = conversation(&[]);
    for _ in 0..20 {
        say(&mut conversation, &long, &long);
    }
    say(&mut conversation, "last", "");
    assert!(
        conversation.n_bytes <= MAX_HISTORY_BYTES,
        "{}",
        conversation.n_bytes
    );
    let request = conversation.next_request("small", None);
    assert_eq!(
        messages(&request).last(),
        Some(&(Role::User, "last".to_owned()))
    );
}

#[test]
fn the_system_prompt_is_the_same_for_everybody_at_any_time() {
    let systems = [
        conversation(&[("a", "")]),
        conversation(&[("b", "1"), ("c", "")]),
    ]
    .map(|conversation| conversation.next_request("any", Some(8192)).system);
    for system in systems {
        assert!(matches!(system, Some(Content::Text(text)) if text.decoded() == SYSTEM));
    }
}
