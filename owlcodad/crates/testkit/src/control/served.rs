//! A daemon with fixed answers, behind a real socket.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use owlcoda_proto::v1::{
    AuditStats, AuditVerification, GetVersionRequest, GetVersionResponse, ListModelsRequest,
    ListModelsResponse, MetricsRequest, MetricsResponse, ProbeModelRequest, ProbeModelResponse,
    QueryAuditRequest, QueryAuditResponse, ReadAuditRequest, ReloadRequest, ReloadResponse,
    StatusRequest, StatusResponse, VerifyAuditRequest, audit_server, daemon_server, models_server,
};
use owlcoda_proto::{ErrorCode, MIN_PROTOCOL, PROTOCOL, to_status};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;

/// What the daemon answers.
#[derive(Clone, Debug)]
pub struct Answers {
    pub is_serving: bool,
    /// Oldest protocol of a client that it takes.
    pub min_client_protocol: u32,
    pub status: Result<StatusResponse, ErrorCode>,
    pub reload: Result<ReloadResponse, ErrorCode>,
    pub models: ListModelsResponse,
    pub audit: QueryAuditResponse,
    /// What a reading of the audit brings, page by page, before the connection ends.
    pub audit_pages: Vec<QueryAuditResponse>,
    pub stats: AuditStats,
    pub verification: AuditVerification,
    pub model_probe: ProbeModelResponse,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            is_serving: true,
            min_client_protocol: MIN_PROTOCOL,
            status: Ok(StatusResponse::default()),
            reload: Ok(ReloadResponse::default()),
            models: ListModelsResponse::default(),
            audit: QueryAuditResponse::default(),
            audit_pages: Vec::new(),
            stats: AuditStats::default(),
            verification: AuditVerification::default(),
            model_probe: ProbeModelResponse::default(),
        }
    }
}

/// An answer of some messages, which are all there.
type Bits<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

fn bits<T>(messages: Vec<T>) -> Response<Bits<T>> {
    let messages: Vec<_> = messages.into_iter().map(Ok).collect();
    Response::new(tokio_stream::iter(messages))
}

#[derive(Clone, Debug)]
struct Services {
    answers: Arc<Answers>,
    queries: Arc<Mutex<Vec<QueryAuditRequest>>>,
}

#[tonic::async_trait]
impl daemon_server::Daemon for Services {
    async fn get_version(
        &self,
        _: Request<GetVersionRequest>,
    ) -> Result<Response<GetVersionResponse>, Status> {
        Ok(Response::new(GetVersionResponse {
            version: "9.8.7".to_owned(),
            protocol: PROTOCOL,
            min_client_protocol: self.answers.min_client_protocol,
        }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        match &self.answers.status {
            Ok(status) => Ok(Response::new(status.clone())),
            Err(code) => Err(to_status(*code, "as the test wants it")),
        }
    }

    async fn metrics(
        &self,
        _: Request<MetricsRequest>,
    ) -> Result<Response<MetricsResponse>, Status> {
        Ok(Response::new(MetricsResponse::default()))
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        match &self.answers.reload {
            Ok(reloaded) => Ok(Response::new(reloaded.clone())),
            Err(code) => Err(to_status(*code, "as the test wants it")),
        }
    }
}

#[tonic::async_trait]
impl models_server::Models for Services {
    async fn list(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        Ok(Response::new(self.answers.models.clone()))
    }

    async fn probe(
        &self,
        _: Request<ProbeModelRequest>,
    ) -> Result<Response<ProbeModelResponse>, Status> {
        Ok(Response::new(self.answers.model_probe.clone()))
    }
}

#[tonic::async_trait]
impl audit_server::Audit for Services {
    type ReadStream = Bits<QueryAuditResponse>;
    type StatsStream = Bits<AuditStats>;
    type VerifyStream = Bits<AuditVerification>;

    async fn read(
        &self,
        asked: Request<ReadAuditRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let query = asked.into_inner().query.unwrap_or_default();
        self.queries.lock().unwrap().push(query);
        Ok(bits(self.answers.audit_pages.clone()))
    }

    async fn stats(
        &self,
        asked: Request<QueryAuditRequest>,
    ) -> Result<Response<Self::StatsStream>, Status> {
        self.queries.lock().unwrap().push(asked.into_inner());
        Ok(bits(vec![self.answers.stats.clone()]))
    }

    async fn verify(
        &self,
        _: Request<VerifyAuditRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        Ok(bits(vec![self.answers.verification.clone()]))
    }

    async fn query(
        &self,
        asked: Request<QueryAuditRequest>,
    ) -> Result<Response<QueryAuditResponse>, Status> {
        self.queries.lock().unwrap().push(asked.into_inner());
        Ok(Response::new(self.answers.audit.clone()))
    }
}

/// The daemon, until dropped.
#[derive(Debug)]
pub struct Served {
    home: TempDir,
    services: Services,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Served {
    /// Starts it; connections are accepted when this returns.
    pub fn with(answers: Answers) -> Self {
        let home = tempfile::tempdir().unwrap();
        let services = Services {
            answers: Arc::new(answers),
            queries: Arc::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(home.path().join("s")).unwrap()
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let services = services.clone();
            move || runtime.block_on(serve(services, listener, stopped))
        });
        Self {
            home,
            services,
            server: Some((stop, thread)),
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }

    /// The audit queries that came.
    pub fn queries(&self) -> Vec<QueryAuditRequest> {
        self.services.queries.lock().unwrap().clone()
    }
}

async fn serve(services: Services, listener: UnixListener, stopped: oneshot::Receiver<()>) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let state = if services.answers.is_serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    reporter.set_service_status("", state).await;
    let server = tonic::transport::Server::builder()
        .add_service(health)
        .add_service(daemon_server::DaemonServer::new(services.clone()))
        .add_service(models_server::ModelsServer::new(services.clone()))
        .add_service(audit_server::AuditServer::new(services))
        .serve_with_incoming(UnixListenerStream::new(listener));
    tokio::select! {
        served = server => served.unwrap(),
        _ = stopped => {}
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            drop(stop);
            thread.join().ok();
        }
    }
}
