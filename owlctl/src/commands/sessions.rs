//! `owlctl sessions`: the conversations that the daemon keeps.

mod delete;
mod replay;

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{GetSessionRequest, ListSessionsRequest, SessionInfo};
use serde::Serialize;

use crate::cli::sessions::{SessionsArgs, SessionsVerb};
use crate::commands::models::some;
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct List<'a> {
    sessions: Vec<Entry<'a>>,
}

/// A conversation as it stands.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    /// First words of the first input; null before it.
    title: Option<&'a str>,
    model: &'a str,
    created_at: Option<String>,
    updated_at: Option<String>,
    head_seq: u64,
    n_turns: u32,
    usage: TokenCounts,
    /// Null where none runs.
    running_turn_id: Option<&'a str>,
}

impl<'a> From<&'a SessionInfo> for Entry<'a> {
    fn from(session: &'a SessionInfo) -> Self {
        Self {
            id: &session.session_id,
            title: some(&session.title),
            model: &session.model,
            created_at: quantity::rfc_3339(session.created_at_ms),
            updated_at: quantity::rfc_3339(session.updated_at_ms),
            head_seq: session.head_seq,
            n_turns: session.n_turns,
            usage: session.usage.unwrap_or_default().into(),
            running_turn_id: some(&session.running_turn_id),
        }
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &SessionsArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let (id, is_export) = match &args.verb {
        None => return list(context, args.list.limit).await,
        Some(SessionsVerb::List(args)) => return list(context, args.limit).await,
        Some(SessionsVerb::Show { id }) => (id, false),
        Some(SessionsVerb::Export { id }) => (id, true),
        Some(SessionsVerb::Delete(args)) => return delete::run(context, &client, args).await,
    };
    let request = GetSessionRequest {
        session_id: id.clone(),
    };
    let session = client.sessions().get(request).await?.into_inner();
    let events = replay::events(&client, &session.session_id).await?;
    Ok(Report::data(if context.global.json || is_export {
        json("Session", &replay::Conversation::of(&session, &events))
    } else {
        replay::text(&session, &events, &TimeZone::system())
    }))
}

async fn list(context: &Context<'_>, limit: u32) -> Result<Report, CommandError> {
    let mut sessions = context.connect().await?.sessions();
    let answer = sessions.list(ListSessionsRequest { limit }).await?;
    let sessions = answer.into_inner().sessions;
    if context.global.json {
        return Ok(Report::data(to_json(&sessions)));
    }
    if sessions.is_empty() {
        let words = "no conversations yet: owl-repl begins one";
        return Ok(Report::data(String::new()).and_remark(words));
    }
    Ok(Report::data(to_text(&sessions, &TimeZone::system())))
}

fn to_json(sessions: &[SessionInfo]) -> String {
    let sessions = sessions.iter().map(Entry::from).collect();
    json("SessionList", &List { sessions })
}

fn to_text(sessions: &[SessionInfo], zone: &TimeZone) -> String {
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("CHANGED", Side::Left),
        ("TURNS", Side::Right),
        ("IN", Side::Right),
        ("OUT", Side::Right),
        ("MODEL", Side::Left),
        ("STATE", Side::Left),
        ("TITLE", Side::Left),
    ]);
    for session in sessions {
        let usage = session.usage.unwrap_or_default();
        let state = some(&session.running_turn_id).map_or("idle", |_| "running");
        table.push([
            &session.session_id,
            &quantity::local_time(session.updated_at_ms, zone),
            &session.n_turns.to_string(),
            &quantity::count(prompt_tokens(&usage)),
            &quantity::count(usage.output_tokens),
            &session.model,
            state,
            &session.title,
        ]);
    }
    table.lines().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    #[test]
    fn conversations_are_a_table_for_people_and_a_list_for_scripts() {
        let sessions = [
            SessionInfo {
                session_id: "ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e01".to_owned(),
                title: "为什么天空是蓝色的".to_owned(),
                model: "qwen2.5-coder".to_owned(),
                created_at_ms: 1_700_000_000_000,
                updated_at_ms: 1_700_000_060_000,
                head_seq: 17,
                n_turns: 2,
                usage: Some(Usage {
                    input_tokens: 1_200,
                    output_tokens: 34,
                    ..Usage::default()
                }),
                running_turn_id: "turn_1".to_owned(),
            },
            SessionInfo {
                session_id: "ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e02".to_owned(),
                model: "small".to_owned(),
                ..SessionInfo::default()
            },
        ];
        golden::check("sessions", &to_text(&sessions, &TimeZone::UTC));
        golden::check("sessions_json", &to_json(&sessions));
    }
}
