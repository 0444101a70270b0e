//! `owlctl sessions delete`: conversations that nobody wants any more.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use owlcoda_proto::v1::{DeleteSessionRequest, GetSessionRequest, SessionInfo};
use owlcoda_proto::{Client, ErrorCode, Failure, printable};
use serde::Serialize;

use crate::cli::sessions::DeleteSessionsArgs;
use crate::commands::models::some;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;
use crate::screen;

/// Most conversations that a question names.
const MAX_NAMED: usize = 20;

#[derive(Serialize)]
struct Deletion<'a> {
    deleted: Vec<Deleted<'a>>,
    failed: &'a [NotDeleted],
}

#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    /// First words of the first input; null before it.
    title: Option<&'a str>,
}

/// One that is still there, or never was.
#[derive(Debug, Serialize)]
struct NotDeleted {
    /// As it was typed.
    id: String,
    code: &'static str,
    message: String,
    #[serde(skip)]
    exit: Exit,
}

impl NotDeleted {
    /// Fails where it is not this one that was refused, but us.
    fn of(id: &str, status: tonic::Status) -> Result<Self, CommandError> {
        match CommandError::from(status) {
            CommandError::Refused(Failure { code, message }) => {
                let exit = Exit::of_refusal(code);
                let is_about_all = code == ErrorCode::Unsupported
                    || matches!(exit, Exit::NotAuthorised | Exit::NotReachable);
                if is_about_all {
                    return Err(CommandError::Refused(Failure { code, message }));
                }
                Ok(Self {
                    id: id.to_owned(),
                    code: code.as_str(),
                    message,
                    exit,
                })
            }
            error => Err(error),
        }
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    client: &Client,
    args: &DeleteSessionsArgs,
) -> Result<Report, CommandError> {
    let mut failed = Vec::new();
    let found = find(client, &args.ids, &mut failed).await?;
    if !args.yes && !found.is_empty() {
        confirm(&found).await?;
    }
    let mut deleted = Vec::new();
    for session in &found {
        let session_id = session.session_id.clone();
        let request = DeleteSessionRequest { session_id };
        match client.sessions().delete(request).await {
            Ok(_) => deleted.push(session),
            Err(status) => failed.push(NotDeleted::of(&session.session_id, status)?),
        }
    }
    Ok(report(&deleted, &failed, context.global.json))
}

/// The conversations that are meant, each once; `failed` gets those that there are not.
async fn find(
    client: &Client,
    ids: &[String],
    failed: &mut Vec<NotDeleted>,
) -> Result<Vec<SessionInfo>, CommandError> {
    let mut found: Vec<SessionInfo> = Vec::new();
    for id in ids {
        let session_id = id.clone();
        match client
            .sessions()
            .get(GetSessionRequest { session_id })
            .await
        {
            Ok(session) => {
                let session = session.into_inner();
                let is_new = |other: &SessionInfo| other.session_id != session.session_id;
                if found.iter().all(is_new) {
                    found.push(session);
                }
            }
            Err(status) => match NotDeleted::of(id, status)? {
                // What is there and cannot be read may go, too.
                damaged if damaged.code == ErrorCode::Internal.as_str() && id != "last" => {
                    found.push(SessionInfo {
                        session_id: damaged.id,
                        ..SessionInfo::default()
                    });
                }
                other => failed.push(other),
            },
        }
    }
    Ok(found)
}

/// Asks whoever is at the terminal.
async fn confirm(found: &[SessionInfo]) -> Result<(), CommandError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CommandError::Unconfirmed);
    }
    screen::complain(&question(found));
    // On a thread, so that Ctrl-C ends the wait.
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::Declined),
    }
}

fn question(found: &[SessionInfo]) -> String {
    let mut text = String::new();
    for session in found.iter().take(MAX_NAMED) {
        // A write to a string does not fail.
        let _ = writeln!(text, "  {}", line(session));
    }
    let n_more = found.len().saturating_sub(MAX_NAMED);
    if n_more > 0 {
        let _ = writeln!(text, "  and {n_more} more");
    }
    let what = quantity::of(found.len() as u64, "conversation");
    format!("{text}delete {what} for good? [y/N]")
}

fn line(session: &SessionInfo) -> String {
    let turns = quantity::of(u64::from(session.n_turns), "turn");
    let line = format!("{}  {turns}  {}", session.session_id, session.title);
    printable(line.trim_end()).into_owned()
}

fn report(deleted: &[&SessionInfo], failed: &[NotDeleted], is_json: bool) -> Report {
    let exit = match (deleted.is_empty(), failed.first()) {
        (_, None) => Exit::Ok,
        (true, Some(first)) => first.exit,
        (false, Some(_)) => Exit::Partial,
    };
    let report = if is_json {
        let deleted = deleted.iter().map(|session| Deleted {
            id: &session.session_id,
            title: some(&session.title),
        });
        let body = Deletion {
            deleted: deleted.collect(),
            failed,
        };
        Report::data(json("SessionDeletion", &body))
    } else {
        let mut text = String::new();
        for session in deleted {
            // A write to a string does not fail.
            let _ = writeln!(text, "deleted  {}", line(session));
        }
        Report::data(text)
    };
    let told = failed.iter().fold(report, |report, failed| {
        let remark = format!("owlctl: {}: {}", failed.id, failed.message);
        report.and_remark(&printable(&remark))
    });
    told.ending(exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn session(number: u8, title: &str) -> SessionInfo {
        SessionInfo {
            session_id: format!("ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e{number:02}"),
            title: title.to_owned(),
            n_turns: u32::from(number),
            ..SessionInfo::default()
        }
    }

    fn failed(exit: Exit) -> NotDeleted {
        NotDeleted {
            id: "ses_x\u{1b}[2J".to_owned(),
            code: "not_found",
            message: "there is no session ses_x".to_owned(),
            exit,
        }
    }

    #[test]
    fn what_was_deleted_and_what_was_not_is_told_and_decides_the_ending() {
        let (one, two) = (session(1, "为什么天空是蓝色的"), session(2, ""));
        let all = report(&[&one, &two], &[], false);
        assert_eq!((all.exit, all.stderr.as_str()), (Exit::Ok, ""));
        let some = report(&[&one], &[failed(Exit::Failed)], false);
        assert_eq!(some.exit, Exit::Partial);
        golden::check(
            "sessions_delete",
            &format!("{}--- stderr\n{}", some.stdout, some.stderr),
        );
        let document = report(&[&one, &two], &[failed(Exit::Failed)], true);
        golden::check("sessions_delete_json", &document.stdout);
        let none = report(&[], &[failed(Exit::Busy), failed(Exit::Failed)], false);
        assert_eq!((none.exit, none.stdout.as_str()), (Exit::Busy, ""));
    }

    #[test]
    fn the_question_names_what_goes_and_stays_short() {
        let all: Vec<_> = (1..=22).map(|n| session(n, "hi\u{1b}[31m")).collect();
        let text = question(&all);
        assert!(
            text.ends_with("  and 2 more\ndelete 22 conversations for good? [y/N]"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 22);
        assert!(!text.contains('\u{1b}'));
        let one = question(&[session(1, "hi")]);
        assert!(
            one.ends_with("  1 turn  hi\ndelete 1 conversation for good? [y/N]"),
            "{one}"
        );
    }
}
