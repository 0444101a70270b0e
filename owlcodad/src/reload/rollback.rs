//! Back to the generation before, and what the files say otherwise than what is in force.
//!
//! A rollback is for the daemon that runs: the files stay as they are, and the next look that finds them
//! changed, or is asked for, puts them in force again.

use owlcoda_config::{Difference, InForce, NEED_RESTART, differences};
use owlcoda_supervise::{ConfigChange, ConfigDiff, ReloadOutcome, RolledBack};
use tracing::warn;

use super::report::Request;
use super::sources::problems_of;
use super::{Generation, Reloader, read};

impl Reloader {
    /// Answers what is no reload; gives back what is one.
    pub(super) async fn answer(
        &mut self,
        request: Request,
    ) -> Option<tokio::sync::oneshot::Sender<owlcoda_supervise::Reloaded>> {
        // Whoever asked may have left.
        match request {
            Request::Reload(asked) => return Some(asked),
            Request::Diff(asked) => drop(asked.send(self.diff().await)),
            Request::RollBack(asked) => drop(asked.send(self.roll_back())),
        }
        None
    }

    fn roll_back(&mut self) -> Result<RolledBack, String> {
        let before = self.report.current();
        let from = before.status.generation;
        let Some(previous) = self.previous.clone() else {
            return Err(format!(
                "there is no generation before this one ({from}): nothing was put in force since the daemon \
                 started; correct the file, and `owlctl reload`"
            ));
        };
        let to = previous.number;
        if self.apply(previous) != ReloadOutcome::Applied {
            let rejected = self.report.current().status.rejected.clone();
            let problems = rejected.map(|it| it.problems).unwrap_or_default();
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            self.report.replace((*before).clone());
            let problems = problems.join("; ");
            return Err(format!(
                "generation {to} cannot be used any more: {problems}"
            ));
        }
        warn!(
            from,
            to, "the configuration was rolled back; the files on disk stay as they are"
        );
        let mut report = (*self.report.current()).clone();
        // Whether the files can be used has not changed.
        report.status.rejected.clone_from(&before.status.rejected);
        report.status.rolled_back_from = Some(from);
        let (status, warnings) = (report.status.clone(), report.warnings.clone());
        self.report.replace(report);
        Ok(RolledBack {
            from,
            to,
            status,
            warnings,
        })
    }

    async fn diff(&mut self) -> ConfigDiff {
        let reading = read(&mut self.sources).await;
        let status = self.report.current().status.clone();
        let (loaded, settings) = match reading.loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                let outcome = Err(problems_of(&error));
                return ConfigDiff { status, outcome };
            }
        };
        let in_force = InForce {
            config: (*self.targets.composition.config()).clone(),
            settings: self.report.current().settings.to_vec(),
        };
        let on_disk = InForce {
            config: loaded.config,
            settings,
        };
        let found = differences(&in_force, &on_disk).into_iter();
        ConfigDiff {
            status,
            outcome: Ok(found.map(change).collect()),
        }
    }
}

fn change(difference: Difference) -> ConfigChange {
    let json = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
    ConfigChange {
        needs_restart: NEED_RESTART.contains(&difference.path.as_str()),
        path: difference.path,
        in_force: json(difference.before),
        on_disk: json(difference.after),
        is_hidden: difference.is_hidden,
    }
}

/// The values of `next` as they hold beside `running`: what waits for a restart is as before.
pub(super) fn as_it_holds(
    next: &Generation,
    running: &[owlcoda_config::Setting],
    pending: &[&str],
) -> Vec<owlcoda_config::Setting> {
    let mut settings = next.settings.clone();
    for key in pending {
        let before = running.iter().find(|setting| setting.path == *key);
        let now = settings.iter().position(|setting| setting.path == *key);
        match (before, now) {
            (Some(before), Some(idx)) => {
                if let Some(setting) = settings.get_mut(idx) {
                    setting.clone_from(before);
                }
            }
            (None, Some(idx)) => drop(settings.remove(idx)),
            (Some(before), None) => settings.push(before.clone()),
            (None, None) => {}
        }
    }
    settings
}
