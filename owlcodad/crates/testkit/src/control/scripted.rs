//! A daemon that keeps one conversation and plays a script: it answers over a real socket, and it
//! cuts, forgets, vanishes and comes back where the script says so.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use owlcoda_proto::v1::event::Body;
use owlcoda_proto::v1::frame::Frame as Kind;
use owlcoda_proto::v1::{
    AttachAck, AttachRequest, Channel, CreateSessionRequest, DeleteSessionRequest,
    DeleteSessionResponse, Delta, Event, Frame, Gap, GetSessionRequest, GetVersionRequest,
    GetVersionResponse, InputAdmitted, InterruptRequest, InterruptResponse, ItemCompleted,
    ItemStarted, ListSessionsRequest, ListSessionsResponse, Live, MetricsRequest, MetricsResponse,
    ReloadRequest, ReloadResponse, SessionCreated, SessionInfo, StatusRequest, StatusResponse,
    SubmitRequest, SubmitResponse, TurnCompleted, TurnStarted, TurnStatus, daemon_server,
    events_server, sessions_server, turns_server,
};
use owlcoda_proto::{ErrorCode, MIN_PROTOCOL, PROTOCOL, to_status};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_stream::wrappers::{UnboundedReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status};

const SESSION: &str = "ses_scripted";

/// One step of a running turn.
#[derive(Debug)]
pub enum Act {
    /// The model says this, and whoever is attached hears it.
    Say(&'static str),
    /// The model says this while nobody is told.
    SayUnheard(&'static str),
    /// The stream ends without a word.
    Cut,
    /// The stream ends, because the client was too slow.
    Gap,
    /// The daemon dies; the test is told, and may start it again.
    Die,
    /// Nothing more happens until the turn is interrupted.
    Hold,
    /// Nothing more happens, and an interrupt is heard but takes its time.
    Stubborn,
    /// The turn is over.
    End(TurnStatus),
}

/// What becomes of the next input, or with `Refuse` of the next conversation.
#[derive(Debug)]
pub enum Admission {
    /// Takes the input and plays.
    Play(Vec<Act>),
    /// Takes the input, but the answer to the call is lost.
    LoseAnswer(Vec<Act>),
    /// Says no.
    Refuse(ErrorCode, &'static str),
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Event>,
    admissions: VecDeque<Admission>,
    acts: VecDeque<Act>,
    open_text: Option<String>,
    running: bool,
    is_stubborn: bool,
    submitted: HashMap<String, SubmitResponse>,
    n_attached: usize,
    listener: Option<UnboundedSender<Result<Frame, Status>>>,
    deaths: Option<mpsc::Sender<()>>,
    interrupts: Option<mpsc::Sender<()>>,
}

impl State {
    fn append(&mut self, body: Body) -> u64 {
        let event = Event {
            seq: self.log.len() as u64 + 1,
            at_ms: 0,
            turn_id: "trn_1".to_owned(),
            body: Some(body),
        };
        self.log.push(event.clone());
        self.tell(Kind::Event(event));
        self.log.len() as u64
    }

    fn tell(&self, kind: Kind) {
        if let Some(listener) = &self.listener {
            listener.send(Ok(Frame { frame: Some(kind) })).ok();
        }
    }

    fn piece(&self, offset: usize, text: &str) -> Delta {
        Delta {
            item_id: format!("itm_{}", self.submitted.len()),
            channel: Channel::Text.into(),
            offset: offset as u64,
            text: text.to_owned(),
        }
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            session_id: SESSION.to_owned(),
            head_seq: self.log.len() as u64,
            ..SessionInfo::default()
        }
    }

    /// Goes on with the turn as long as somebody listens.
    fn play(&mut self) {
        while self.running && self.listener.is_some() {
            let Some(act) = self.acts.pop_front() else {
                panic!("the script ended before the turn");
            };
            match act {
                Act::Say(text) => {
                    let offset = self.open_text.as_ref().unwrap().len();
                    self.open_text.as_mut().unwrap().push_str(text);
                    self.tell(Kind::Delta(self.piece(offset, text)));
                }
                Act::SayUnheard(text) => self.open_text.as_mut().unwrap().push_str(text),
                Act::Cut => self.listener = None,
                Act::Gap => {
                    self.tell(Kind::Gap(Gap { resume_after: 0 }));
                    self.listener = None;
                }
                Act::Die => {
                    self.listener = None;
                    self.deaths.take().unwrap().send(()).unwrap();
                }
                Act::Hold => return,
                Act::Stubborn => {
                    self.is_stubborn = true;
                    return;
                }
                Act::End(status) => self.end(status),
            }
        }
    }

    fn end(&mut self, status: TurnStatus) {
        let text = self.open_text.take().unwrap();
        let item_id = self.piece(0, "").item_id;
        self.append(Body::ItemCompleted(ItemCompleted {
            item_id,
            text,
            reasoning: String::new(),
        }));
        let error_message = match status {
            TurnStatus::Failed => "could not connect to `ollama`".to_owned(),
            _ => String::new(),
        };
        self.append(Body::TurnCompleted(TurnCompleted {
            status: status.into(),
            model_used: "scripted".to_owned(),
            error_message,
            ..TurnCompleted::default()
        }));
        self.running = false;
    }
}

/// What the four services share.
#[derive(Clone, Debug, Default)]
struct Services(Arc<Mutex<State>>);

#[tonic::async_trait]
impl daemon_server::Daemon for Services {
    async fn get_version(
        &self,
        _: Request<GetVersionRequest>,
    ) -> Result<Response<GetVersionResponse>, Status> {
        Ok(Response::new(GetVersionResponse {
            version: "0.0.0".to_owned(),
            protocol: PROTOCOL,
            min_client_protocol: MIN_PROTOCOL,
        }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(StatusResponse::default()))
    }

    async fn metrics(
        &self,
        _: Request<MetricsRequest>,
    ) -> Result<Response<MetricsResponse>, Status> {
        Ok(Response::new(MetricsResponse::default()))
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        Ok(Response::new(ReloadResponse::default()))
    }
}

#[tonic::async_trait]
impl sessions_server::Sessions for Services {
    async fn create(
        &self,
        _: Request<CreateSessionRequest>,
    ) -> Result<Response<SessionInfo>, Status> {
        let mut state = self.0.lock().unwrap();
        if let Some(Admission::Refuse(code, message)) = state.admissions.front() {
            let refusal = to_status(*code, *message);
            state.admissions.pop_front();
            return Err(refusal);
        }
        state.append(Body::SessionCreated(SessionCreated::default()));
        Ok(Response::new(state.info()))
    }

    async fn list(
        &self,
        _: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        Ok(Response::new(ListSessionsResponse::default()))
    }

    async fn get(
        &self,
        asked: Request<GetSessionRequest>,
    ) -> Result<Response<SessionInfo>, Status> {
        let state = self.0.lock().unwrap();
        match asked.into_inner().session_id.as_str() {
            "last" | SESSION if !state.log.is_empty() => Ok(Response::new(state.info())),
            _ => Err(to_status(
                ErrorCode::NotFound,
                "there is no such conversation",
            )),
        }
    }

    async fn delete(
        &self,
        _: Request<DeleteSessionRequest>,
    ) -> Result<Response<DeleteSessionResponse>, Status> {
        Ok(Response::new(DeleteSessionResponse {}))
    }
}

#[tonic::async_trait]
impl turns_server::Turns for Services {
    async fn submit(
        &self,
        asked: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let asked = asked.into_inner();
        let request_id = asked.meta.unwrap().request_id;
        let mut state = self.0.lock().unwrap();
        if let Some(answer) = state.submitted.get(&request_id) {
            return Ok(Response::new(answer.clone()));
        }
        let (acts, is_answer_lost) = match state.admissions.pop_front().unwrap() {
            Admission::Play(acts) => (acts, false),
            Admission::LoseAnswer(acts) => (acts, true),
            Admission::Refuse(code, message) => return Err(to_status(code, message)),
        };
        let text = asked.text;
        let answer = SubmitResponse {
            turn_id: "trn_1".to_owned(),
            seq: state.append(Body::InputAdmitted(InputAdmitted { text })),
        };
        state.submitted.insert(request_id, answer.clone());
        state.running = true;
        state.open_text = Some(String::new());
        state.acts = acts.into();
        state.append(Body::TurnStarted(TurnStarted::default()));
        let item_id = state.piece(0, "").item_id;
        state.append(Body::ItemStarted(ItemStarted { item_id }));
        state.play();
        if is_answer_lost {
            return Err(Status::unavailable("lost on the way"));
        }
        Ok(Response::new(answer))
    }

    async fn interrupt(
        &self,
        _: Request<InterruptRequest>,
    ) -> Result<Response<InterruptResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let was_running = state.running;
        if was_running && !state.is_stubborn {
            state.end(TurnStatus::Interrupted);
        }
        state.interrupts.as_ref().unwrap().send(()).ok();
        Ok(Response::new(InterruptResponse { was_running }))
    }
}

#[tonic::async_trait]
impl events_server::Events for Services {
    type AttachStream = UnboundedReceiverStream<Result<Frame, Status>>;

    async fn attach(
        &self,
        asked: Request<AttachRequest>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let after_seq = asked.into_inner().after_seq;
        let (sender, receiver) = unbounded_channel();
        let mut state = self.0.lock().unwrap();
        state.n_attached += 1;
        state.listener = Some(sender);
        state.tell(Kind::Ack(AttachAck {
            session: Some(state.info()),
        }));
        for event in state.log.iter().filter(|event| event.seq > after_seq) {
            state.tell(Kind::Event(event.clone()));
        }
        if let Some(text) = &state.open_text {
            state.tell(Kind::Snapshot(state.piece(0, text)));
        }
        state.tell(Kind::Live(Live {}));
        state.play();
        Ok(Response::new(UnboundedReceiverStream::new(receiver)))
    }
}

/// A scripted daemon that runs, in a home of its own.
#[derive(Debug)]
pub struct Scripted {
    home: TempDir,
    services: Services,
    deaths: mpsc::Receiver<()>,
    interrupts: mpsc::Receiver<()>,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Scripted {
    /// Starts a daemon that admits inputs so, one after the other.
    pub fn with(admissions: impl IntoIterator<Item = Admission>) -> Self {
        let services = Services::default();
        let (death_sender, deaths) = mpsc::channel();
        let (interrupt_sender, interrupts) = mpsc::channel();
        {
            let mut state = services.0.lock().unwrap();
            state.admissions = admissions.into_iter().collect();
            state.deaths = Some(death_sender);
            state.interrupts = Some(interrupt_sender);
        }
        let mut scripted = Self {
            home: tempfile::tempdir().unwrap(),
            services,
            deaths,
            interrupts,
            server: None,
        };
        scripted.start();
        scripted
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }

    /// How many streams were opened.
    pub fn n_attached(&self) -> usize {
        self.services.0.lock().unwrap().n_attached
    }

    /// How many inputs were taken.
    pub fn n_submitted(&self) -> usize {
        self.services.0.lock().unwrap().submitted.len()
    }

    /// Starts the daemon; connections are accepted when this returns.
    pub fn start(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(self.socket()).unwrap()
        };
        let services = self.services.clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let server = tonic::transport::Server::builder()
                .add_service(daemon_server::DaemonServer::new(services.clone()))
                .add_service(sessions_server::SessionsServer::new(services.clone()))
                .add_service(turns_server::TurnsServer::new(services.clone()))
                .add_service(events_server::EventsServer::new(services))
                .serve_with_incoming(UnixListenerStream::new(listener));
            runtime.block_on(async {
                tokio::select! {
                    served = server => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        self.server = Some((stop, thread));
    }

    /// Waits for the script to let the daemon die, and makes it so: every connection breaks.
    pub fn wait_for_death(&mut self) {
        self.deaths.recv().unwrap();
        self.stop();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::remove_file(self.socket()).unwrap();
    }

    /// Waits until a client asked to end the turn.
    pub fn wait_for_interrupt(&self) {
        self.interrupts.recv().unwrap();
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            drop(stop);
            thread.join().unwrap();
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            drop(stop);
            thread.join().ok();
        }
    }
}
