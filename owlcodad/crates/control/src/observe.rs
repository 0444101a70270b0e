//! Counts every control call.

use std::future::Future;

use owlcoda_telemetry::metric;
use tonic::{Response, Status};

/// Awaits the answer of `method` and counts how it went.
pub(crate) async fn observed<T>(
    method: &'static str,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<Response<T>, Status> {
    let answer = answer.await;
    let code = answer
        .as_ref()
        .map_or_else(Status::code, |_| tonic::Code::Ok);
    metric::GRPC_REQUESTS.add([method, &format!("{code:?}")], 1);
    answer.map(Response::new)
}
