//! `owlcoda.v1.Audit`: the record of model calls.

mod reading;
mod stats;
mod verify;

use std::pin::Pin;

use futures_util::Stream;

use owlcoda_proto::v1::audit_server::Audit;
use owlcoda_proto::{to_status, v1};
use owlcoda_store::{
    AuditDialect, AuditOrder, AuditPage, AuditQuery, AuditRecord, AuditStarts, StatusClass,
};
use owlcoda_types::{ErrorCode, RequestId, clip};
use tonic::{Request, Response, Status};

use self::reading::Reading;
use crate::observe::observed;
use crate::sessions::session_id;
use crate::{Control, convert};

/// Records of a page where the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Most records of a page.
const MAX_LIMIT: u32 = 1000;

/// What a call answers bit by bit.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Audit for Control {
    type ReadStream = Answers<v1::QueryAuditResponse>;
    type StatsStream = Answers<v1::AuditStats>;
    type VerifyStream = Answers<v1::AuditVerification>;

    async fn read(
        &self,
        request: Request<v1::ReadAuditRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let request = request.into_inner();
        observed("Audit/Read", async {
            let query = query(request.query.unwrap_or_default())?;
            let audit = self.store.audit();
            audit.catch_up().await;
            let reading = Reading::new(&audit, query, self.shutdown.clone());
            Ok(reading.pages(request.follow, request.from_now))
        })
        .await
    }

    async fn stats(
        &self,
        request: Request<v1::QueryAuditRequest>,
    ) -> Result<Response<Self::StatsStream>, Status> {
        let request = request.into_inner();
        observed("Audit/Stats", async {
            let (audit, query) = (self.store.audit(), query(request)?);
            audit.catch_up().await;
            Ok(stats::of(&audit, query))
        })
        .await
    }

    async fn verify(
        &self,
        _: Request<v1::VerifyAuditRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        observed("Audit/Verify", async { Ok(verify::of(&self.store)) }).await
    }

    async fn query(
        &self,
        request: Request<v1::QueryAuditRequest>,
    ) -> Result<Response<v1::QueryAuditResponse>, Status> {
        let query = query(request.into_inner())?;
        let order = query.order;
        observed("Audit/Query", async {
            let audit = self.store.audit();
            audit.catch_up().await;
            let page = audit.query(query).await;
            let page = page.map_err(|error| convert::store_error(&error))?;
            Ok(answer(page, order))
        })
        .await
    }
}

/// A page as the protocol has it.
fn answer(page: AuditPage, order: AuditOrder) -> v1::QueryAuditResponse {
    let next = page.next.unwrap_or_default();
    let (next_before_seq, next_after_seq) = match order {
        AuditOrder::NewestFirst => (next, 0),
        AuditOrder::OldestFirst => (0, next),
    };
    let n_unreadable = n_unreadable(&page);
    let records = page.records.into_iter();
    v1::QueryAuditResponse {
        records: records.map(|(seq, found)| record(seq, found)).collect(),
        next_before_seq,
        next_after_seq,
        n_unreadable,
        seen_seq: 0,
    }
}

/// Records in the range of the page that are lost or damaged.
fn n_unreadable(page: &AuditPage) -> u64 {
    let n_missing: u64 = page.missing.iter().map(|(from, to)| to - from + 1).sum();
    n_missing + page.damaged.len() as u64
}

/// The question as the store takes it.
fn query(request: v1::QueryAuditRequest) -> Result<AuditQuery, Status> {
    let limit = if request.limit == 0 {
        DEFAULT_LIMIT
    } else {
        request.limit.min(MAX_LIMIT)
    };
    let some_text = |text: String| (!text.is_empty()).then_some(text);
    let some_seq = |seq: u64| (seq > 0).then_some(seq);
    let session = match some_text(request.session_id) {
        Some(text) => Some(session_id(&text)?),
        None => None,
    };
    let status_class = match some_text(request.status_class) {
        Some(name) => Some(StatusClass::parse(&name).ok_or_else(|| no_such_class(&name))?),
        None => None,
    };
    Ok(AuditQuery {
        limit: limit as usize,
        order: if request.oldest_first {
            AuditOrder::OldestFirst
        } else {
            AuditOrder::NewestFirst
        },
        before_seq: some_seq(request.before_seq),
        after_seq: some_seq(request.after_seq),
        since_ms: request.since_ms,
        until_ms: request.until_ms,
        model: some_text(request.model),
        endpoint: some_text(request.endpoint_id),
        session,
        status_class,
        min_status: u16::try_from(request.min_status)
            .ok()
            .filter(|&status| status > 0),
        client: some_text(request.client),
        min_elapsed_ms: some_seq(request.min_elapsed_ms),
        request: match some_text(request.request_id) {
            Some(text) => Some(request_id(&text)?),
            None => None,
        },
        starts: if request.ended_only {
            AuditStarts::Hidden
        } else {
            AuditStarts::Running
        },
    })
}

fn request_id(text: &str) -> Result<RequestId, Status> {
    let parsed = text.parse();
    parsed.map_err(|error: String| to_status(ErrorCode::InvalidRequest, error))
}

fn no_such_class(name: &str) -> Status {
    let names = StatusClass::ALL.map(StatusClass::as_str).join(", ");
    let name = clip(name, 40);
    let words = format!("there is no status class `{name}`; there are {names}");
    to_status(ErrorCode::InvalidRequest, words)
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
        dropped_fields: record.dropped_fields,
        is_cached: record.is_cached,
        cost_micros: record.cost_micros,
        client: record.client.unwrap_or_default(),
        dialect_out: record
            .dialect_out
            .map_or("", AuditDialect::as_str)
            .to_owned(),
        bytes_in: record.bytes_in,
        bytes_out: record.bytes_out,
    }
}
