//! `owlcoda.v1.Audit`: the record of model calls.

use owlcoda_proto::v1;
use owlcoda_proto::v1::audit_server::Audit;
use owlcoda_store::{AuditQuery, AuditRecord};
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

/// Records of a page where the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Most records of a page.
const MAX_LIMIT: u32 = 1000;

#[tonic::async_trait]
impl Audit for Control {
    async fn query(
        &self,
        request: Request<v1::QueryAuditRequest>,
    ) -> Result<Response<v1::QueryAuditResponse>, Status> {
        let request = request.into_inner();
        let limit = if request.limit == 0 {
            DEFAULT_LIMIT
        } else {
            request.limit.min(MAX_LIMIT)
        };
        let query = AuditQuery {
            limit: limit as usize,
            before_seq: (request.before_seq > 0).then_some(request.before_seq),
            model: (!request.model.is_empty()).then_some(request.model),
            min_status: u16::try_from(request.min_status)
                .ok()
                .filter(|&status| status > 0),
        };
        observed("Audit/Query", async {
            let page = self
                .store
                .audit()
                .query(query)
                .await
                .map_err(|e| convert::store_error(&e))?;
            Ok(v1::QueryAuditResponse {
                records: page
                    .records
                    .into_iter()
                    .map(|(seq, r)| record(seq, r))
                    .collect(),
                next_before_seq: page.next_before_seq.unwrap_or_default(),
            })
        })
        .await
    }
}

fn record(seq: u64, record: AuditRecord) -> v1::AuditRecord {
    v1::AuditRecord {
        seq,
        request_id: record.request_id.to_string(),
        at_ms: record.at_ms,
        route: record.route.as_str().to_owned(),
        dialect: record.dialect.as_str().to_owned(),
        model_asked: record.model_asked,
        model_used: record.model_used.unwrap_or_default(),
        endpoint_id: record.endpoint.unwrap_or_default(),
        n_attempts: record.n_attempts,
        status: u32::from(record.status),
        outcome: record.outcome,
        is_stream: record.is_stream,
        usage: Some(convert::usage(record.usage)),
        ttft_ms: record.ttft_ms,
        elapsed_ms: record.elapsed_ms,
        session_id: record
            .session_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        failure_kind: record.failure_kind.unwrap_or_default(),
    }
}
