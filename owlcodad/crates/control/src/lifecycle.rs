//! `owlcoda.v1.Lifecycle`: the end of the daemon.

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use owlcoda_proto::v1;
use owlcoda_proto::v1::lifecycle_server::Lifecycle;
use owlcoda_supervise::Ending;
use tokio::time::{Interval, MissedTickBehavior};
use tonic::{Request, Response, Status};
use tracing::info;

use crate::Control;
use crate::observe::observed;

/// How often somebody who waits is told how many calls still run.
const PROGRESS: Duration = Duration::from_millis(200);

type Progress = Pin<Box<dyn Stream<Item = Result<v1::StopProgress, Status>> + Send>>;

#[tonic::async_trait]
impl Lifecycle for Control {
    type StopStream = Progress;

    async fn stop(&self, request: Request<v1::StopRequest>) -> Result<Response<Progress>, Status> {
        let v1::StopRequest { grace_ms, restart } = request.into_inner();
        observed("Lifecycle/Stop", async {
            info!(?grace_ms, restart, "asked to end");
            self.shutdown.ask(Ending {
                grace: grace_ms.map(Duration::from_millis),
                is_restart: restart,
            });
            let mut ticks = tokio::time::interval(PROGRESS);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let progress = unfold(Some((self.clone(), ticks)), step);
            Ok(Box::pin(progress) as Progress)
        })
        .await
    }
}

type Step = Option<(Control, Interval)>;

async fn step(going: Step) -> Option<(Result<v1::StopProgress, Status>, Step)> {
    let (control, mut ticks) = going?;
    let is_over = tokio::select! {
        // The end before one more tick.
        biased;
        () = control.shutdown.stopping().cancelled() => true,
        _ = ticks.tick() => false,
    };
    let progress = v1::StopProgress {
        phase: if is_over { "stopping" } else { "draining" }.to_owned(),
        n_in_flight: control.pipeline.standing().traffic().n_in_flight,
        was_cut: is_over && control.shutdown.was_cut(),
    };
    Some((Ok(progress), (!is_over).then_some((control, ticks))))
}
