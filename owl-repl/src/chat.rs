//! The conversation with a person, or with a pipe: a line in, an answer out.

use owlcoda_proto::printable;

use crate::cli::Cli;
use crate::command::{HELP, LIST, Line};
use crate::error::ReplError;
use crate::exit::Exit;
use crate::input::{self, MAX_INPUT_BYTES, Typed};
use crate::opening::Opening;
use crate::patience;
use crate::screen::Screen;
use crate::talk::{Step, Talk};
use crate::transcript::Output;

/// Whether the conversation goes on.
#[derive(Debug)]
enum Next {
    GoOn,
    Leave(Exit),
}

/// Talks until the input ends or the person leaves.
pub(crate) async fn run(cli: &Cli, screen: &mut Screen) -> Result<Exit, ReplError> {
    let opening = Opening::of(cli).await?;
    screen.aside(&greeting(&opening))?;
    let mut talk = Talk::starting_after(0, opening)?;
    let mut lines = input::lines()?;
    let mut chat = Chat {
        is_interrupting: false,
        screen,
    };
    loop {
        let is_idle = talk.is_idle();
        if is_idle {
            chat.screen.prompt()?;
        }
        // Both sides may be dropped at any time; see `Talk::next`.
        let next = tokio::select! {
            biased;
            step = talk.next() => {
                let step = step?;
                chat.on_step(&mut talk, step).await?
            }
            typed = lines.recv(), if is_idle => {
                let typed = typed.transpose()?;
                chat.on_typed(&mut talk, typed).await?
            }
        };
        if let Next::Leave(exit) = next {
            chat.screen.leave()?;
            return Ok(exit);
        }
    }
}

fn greeting(opening: &Opening) -> String {
    let session = opening.session.as_ref();
    let model = match (opening.model.as_str(), session) {
        ("", Some(session)) => printable(&session.model),
        ("", None) => "default model".into(),
        (model, _) => printable(model),
    };
    let version = env!("CARGO_PKG_VERSION");
    let resumed = session.map_or_else(String::new, |session| {
        format!(" · {}", printable(&session.session_id))
    });
    format!("[owl-repl {version} · {model}{resumed} · /help, /quit]")
}

struct Chat<'a> {
    /// Whether the running turn was asked to end.
    is_interrupting: bool,
    screen: &'a mut Screen,
}

impl Chat<'_> {
    async fn on_step(&mut self, talk: &mut Talk, step: Step) -> Result<Next, ReplError> {
        match step {
            Step::Outputs(outputs) => {
                for output in &outputs {
                    self.screen.show(output)?;
                    if matches!(output, Output::TurnEnded(_)) {
                        self.is_interrupting = false;
                    }
                }
                Ok(Next::GoOn)
            }
            Step::Outage => {
                let limit = patience::LIMIT.as_secs();
                self.screen.note(&format!(
                    "[the daemon went away; trying again for {limit} s]"
                ))?;
                Ok(Next::GoOn)
            }
            Step::Interrupt => self.on_interrupt(talk).await,
        }
    }

    async fn on_interrupt(&mut self, talk: &mut Talk) -> Result<Next, ReplError> {
        if talk.transcript().running_turn_id().is_none() {
            return Ok(Next::Leave(Exit::Ok));
        }
        if !self.is_interrupting {
            self.is_interrupting = true;
            match talk.interrupt().await {
                Ok(true) => return Ok(Next::GoOn),
                Ok(false) => {
                    self.is_interrupting = false;
                    self.screen.note("[nothing was running any more]")?;
                    return Ok(Next::GoOn);
                }
                Err(ReplError::Interrupted) => {}
                Err(error) => {
                    self.screen.note(&format!("[could not end it: {error}]"))?;
                    return Ok(Next::GoOn);
                }
            }
        }
        let session_id = talk.session_id().unwrap_or("last");
        self.screen.note(&format!(
            "[the answer goes on without us: owl-repl --resume {session_id}]"
        ))?;
        Ok(Next::Leave(Exit::Interrupted))
    }

    async fn on_typed(&mut self, talk: &mut Talk, typed: Option<Typed>) -> Result<Next, ReplError> {
        let line = match typed {
            Some(Typed::Line(line)) => line,
            Some(Typed::TooLong) => {
                self.screen.line_taken();
                let limit = MAX_INPUT_BYTES >> 10;
                self.screen
                    .note(&format!("[a line of more than {limit} KiB was dropped]"))?;
                return Ok(Next::GoOn);
            }
            None => return Ok(Next::Leave(Exit::Ok)),
        };
        self.screen.line_taken();
        match Line::parse(&line) {
            Line::Blank => {}
            Line::Quit => return Ok(Next::Leave(Exit::Ok)),
            Line::Help => self.screen.note(HELP)?,
            Line::Unknown(command) => {
                self.screen
                    .note(&format!("there is no {command}; {LIST}"))?;
            }
            Line::Say(text) => match talk.submit(text).await {
                Ok(()) => {}
                // The daemon said why and what to do; the person may do it and try again.
                Err(ReplError::Refused(failure)) => self.screen.note(&failure.message)?,
                Err(error) => return Err(error),
            },
        }
        Ok(Next::GoOn)
    }
}
