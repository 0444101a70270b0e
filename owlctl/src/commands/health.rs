//! `owlctl health`: one word and an exit status, for monitoring and scripts.

use owlcoda_proto::printable;
use owlcoda_proto::v1::StatusRequest;
use serde::Serialize;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::report::Report;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Degraded,
    Unready,
    NotRunning,
}

#[derive(Serialize)]
struct Health {
    state: Verdict,
    /// What needs a look, in the daemon's words.
    problems: Vec<String>,
}

impl Health {
    fn judge(is_serving: bool, problems: Vec<String>) -> Self {
        let state = match (is_serving, problems.is_empty()) {
            (false, _) => Verdict::Unready,
            (true, false) => Verdict::Degraded,
            (true, true) => Verdict::Ok,
        };
        Self { state, problems }
    }

    const fn exit(&self) -> Exit {
        match self.state {
            Verdict::Ok => Exit::Ok,
            Verdict::Degraded => Exit::Degraded,
            Verdict::Unready => Exit::Unready,
            Verdict::NotRunning => Exit::NotReachable,
        }
    }

    fn render(&self, is_json: bool) -> String {
        if is_json {
            return json("Health", self);
        }
        let word = match self.state {
            Verdict::Ok => "ok",
            Verdict::Degraded => "degraded",
            Verdict::Unready => "unready",
            Verdict::NotRunning => "not running",
        };
        self.problems
            .iter()
            .fold(format!("{word}\n"), |text, problem| {
                format!("{text}  ! {}\n", printable(problem))
            })
    }
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let report = match context.connect().await {
        Ok(client) => {
            let mut checks = client.health();
            let whole_daemon = HealthCheckRequest::default();
            let check = checks.check(whole_daemon).await?.into_inner();
            let is_serving = check.status() == ServingStatus::Serving;
            let problems = match client.daemon().status(StatusRequest {}).await {
                Ok(status) => status.into_inner().problems,
                // It already said that it does not serve; why is a detail.
                Err(_) if !is_serving => Vec::new(),
                Err(status) => return Err(status.into()),
            };
            let health = Health::judge(is_serving, problems);
            Report::data(health.render(context.global.json)).ending(health.exit())
        }
        Err(error) if error.is_absence() => {
            let health = Health {
                state: Verdict::NotRunning,
                problems: Vec::new(),
            };
            Report::data(health.render(context.global.json)).and_failure(&error)
        }
        Err(error) => Report::failure(&error),
    };
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn a_daemon_that_serves_is_degraded_by_a_problem_and_one_that_does_not_is_unready() {
        let problem = || vec!["endpoint `vllm` is down; start it".to_owned()];
        for (is_serving, problems, exit) in [
            (true, vec![], 0),
            (true, problem(), 5),
            (false, vec![], 6),
            (false, problem(), 6),
        ] {
            let health = Health::judge(is_serving, problems);
            assert_eq!(health.exit().status(), exit, "{:?}", health.state);
        }
    }

    #[test]
    fn the_word_comes_first_and_the_problems_below() {
        let problems = vec!["endpoint `vllm` is down;\nstart it".to_owned()];
        let health = Health::judge(true, problems);
        golden::check("health_degraded", &health.render(false));
        golden::check("health_degraded_json", &health.render(true));
    }
}
