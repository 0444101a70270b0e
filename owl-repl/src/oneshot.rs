//! One prompt, one answer: `owl-repl -p TEXT`. Nothing but the answer goes to standard output.

use owlcoda_proto::v1::{TurnCompleted, TurnStatus};

use crate::cli::Cli;
use crate::error::ReplError;
use crate::exit::Exit;
use crate::input;
use crate::opening::Opening;
use crate::screen::Screen;
use crate::status_line::{failure, shortfall};
use crate::talk::{Step, Talk};
use crate::transcript::Output;

/// Sends `prompt` (`-` for standard input), prints the answer and tells how it ended.
pub(crate) async fn run(cli: &Cli, prompt: &str, screen: &mut Screen) -> Result<Exit, ReplError> {
    let prompt = match prompt {
        "-" => input::whole()?.ok_or(ReplError::PromptTooLarge)?,
        prompt => prompt.to_owned(),
    };
    if prompt.trim().is_empty() {
        return Err(ReplError::EmptyPrompt);
    }
    let opening = Opening::of(cli).await?;
    // What was said before is not part of the answer.
    let before = opening
        .session
        .as_ref()
        .map_or(0, |session| session.head_seq);
    let mut talk = Talk::starting_after(before, opening)?;
    talk.submit(&prompt).await?;
    let turn_id = talk
        .transcript()
        .running_turn_id()
        .unwrap_or_default()
        .to_owned();
    let mut is_interrupting = false;
    loop {
        let outputs = match talk.next().await? {
            Step::Outputs(outputs) => outputs,
            Step::Outage => continue,
            Step::Interrupt if is_interrupting => return Err(ReplError::Interrupted),
            Step::Interrupt => {
                is_interrupting = true;
                if !talk.interrupt().await? {
                    return Err(ReplError::Interrupted);
                }
                continue;
            }
        };
        for output in &outputs {
            match output {
                Output::TurnEnded(turn) if turn.turn_id == turn_id => {
                    screen.end_line()?;
                    if let Some(words) = words_for(&turn.outcome) {
                        screen.note(&format!("owl-repl: {words}"))?;
                    }
                    return Ok(exit_of(&turn.outcome));
                }
                Output::Text(_) | Output::AnswerEnded
                    if talk.transcript().running_turn_id() == Some(turn_id.as_str()) =>
                {
                    screen.show(output)?;
                }
                _ => {}
            }
        }
    }
}

fn exit_of(turn: &TurnCompleted) -> Exit {
    match turn.status() {
        TurnStatus::Completed | TurnStatus::Truncated => Exit::Ok,
        TurnStatus::Interrupted => Exit::Interrupted,
        TurnStatus::Failed | TurnStatus::Refused | TurnStatus::Lost | TurnStatus::Unspecified => {
            Exit::Failed
        }
    }
}

fn words_for(turn: &TurnCompleted) -> Option<String> {
    match turn.status() {
        TurnStatus::Failed => Some(failure(turn)),
        _ => shortfall(turn).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_is_a_success_and_all_but_a_whole_one_is_explained() {
        for (status, exit, is_explained) in [
            (TurnStatus::Completed, 0, false),
            (TurnStatus::Truncated, 0, true),
            (TurnStatus::Interrupted, 130, true),
            (TurnStatus::Failed, 1, true),
            (TurnStatus::Refused, 1, true),
            (TurnStatus::Lost, 1, true),
            (TurnStatus::Unspecified, 1, true),
        ] {
            let turn = TurnCompleted {
                status: status.into(),
                ..TurnCompleted::default()
            };
            assert_eq!(exit_of(&turn).status(), exit, "{status:?}");
            assert_eq!(words_for(&turn).is_some(), is_explained, "{status:?}");
        }
    }
}
