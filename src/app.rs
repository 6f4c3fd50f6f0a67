//! Builds every part of the agent once, in order, and takes them down in the opposite order. Every channel is made here.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_io::Pace;
use rackpoll_snmp::names::Names;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{
        BusEvent, Delivery, Intake, Outlet, Pending, amqp,
        embedded::{Embedded, EmbeddedError},
        mqtt,
    },
    config::{Broker, Config, Server},
    desk::Desk,
    device::{Lines, SocketLines},
    dispatch::Dispatcher,
    intake::{self, Fences, Timetable, TrapService, Triggers, Waiter},
    job::{Job, Outcome},
    lifecycle,
    state::{Limits, State, StateError},
};

/// Commands that were taken from the broker and not looked at yet. The broker holds the rest back (prefetch).
const COMMANDS: usize = 1_000;
/// Requests that were not answered yet; their callers give up after a second.
const REQUESTS: usize = 1_000;
/// What is asked of the timetable and not done yet.
const ASKED: usize = 16;
/// Events that triggers have not looked at yet; more are dropped.
const EVENTS: usize = 1_000;
/// Outcomes that wait for the state file's writer. Full: devices wait, and so polls slow down with the disk.
const OUTCOMES: usize = 1_000;
/// Ticks that are due and not in their mailbox yet.
const TICKS: usize = 1_000;

/// How late an event that was held back may be.
const LOOK: Duration = Duration::from_secs(1);

/// Closing the sessions may take this long, out of the 5 s that a stop may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// After the last poll the traps that are still to be told may take this long to get into the outbox.
const TRAPS_LIMIT: Duration = Duration::from_millis(500);
/// After the last poll the broker may take this long to say goodbye; what is left in the outbox goes out at the next start.
const BROKER_LIMIT: Duration = Duration::from_millis(1_700);

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The embedded broker.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The sockets to the devices.
    #[error("no UDP socket: {0}")]
    Socket(std::io::Error),
    /// What the broker's connection needs, a certificate for one.
    #[error("{0}")]
    Broker(String),
    /// The listener for traps.
    #[error("{0}")]
    Traps(String),
}

/// Runs the agent until `stop`.
///
/// # Errors
/// Something that it cannot start without.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), AppError> {
    let agent = config.agent.name.to_string();
    let limits = Limits {
        cache_entries: config.agent.cache_entries,
        outbox_messages: config.agent.outbox_messages,
        outbox_bytes: config.agent.outbox_bytes,
    };
    let state = State::open(&config.agent.state_dir, &agent, limits)?;
    let graph_id = match config.agent.graph_id {
        Some(configured) => configured.to_string(),
        None => state.graph_id().to_owned(),
    };
    let polls = config.polls.iter().map(|poll| &**poll);
    state.configure(polls, Arc::clone(&config.segments), graph_id.clone(), SystemTime::now()).await;
    let lines = lines(&config.names, Some(state.clone()), Some(config.agent.pace))?;
    let lines: Arc<dyn Lines> = Arc::new(lines);
    let fences = Arc::new(Fences::new(&config));
    let (outcomes, outcomes_in) = mpsc::channel(OUTCOMES);
    let fence = Arc::clone(&fences);
    let dispatcher = Dispatcher::new(
        lines,
        config.agent.max_in_flight,
        Box::new(move |address| fence.serves_address(address)),
        outcomes.clone(),
    );

    let traps = TrapService::start(&config, &state, &dispatcher, &graph_id).await.map_err(AppError::Traps)?;

    let (commands, commands_in) = mpsc::channel(COMMANDS);
    let (requests, requests_in) = mpsc::channel(REQUESTS);
    let (events, events_in) = mpsc::channel(EVENTS);
    let broker_stop = CancellationToken::new();
    let broker =
        start_broker(&config, Intake { commands, requests, events }, state.clone(), broker_stop.clone())?;

    let (due, due_in) = mpsc::channel(TICKS);
    let (asks, asked) = mpsc::channel(ASKED);
    let timetable = Timetable::new(config.polls.iter().cloned(), &graph_id, SystemTime::now).asked_by(asked);
    let polls = config.polls.iter().filter(|poll| !poll.paused).count();
    let recorder = tokio::spawn(record(outcomes_in, state.clone()));
    let waiter =
        Waiter { dispatcher: dispatcher.clone(), outcomes, state: state.clone(), stop: stop.clone() };
    let front = [
        tokio::spawn(timetable.run(due, stop.clone())),
        tokio::spawn(serve_ticks(due_in, dispatcher.clone())),
        tokio::spawn(serve_events(events_in, Triggers::new(&config.triggers, &graph_id), dispatcher.clone())),
        tokio::spawn(serve_commands(commands_in, fences, waiter)),
    ];
    let traps = traps.map(|traps| tokio::spawn(traps.run(stop.clone())));
    let looking = tokio::spawn(look(state.clone()));
    let heartbeat =
        config.agent.heartbeat.map(|every| tokio::spawn(lifecycle::heartbeat::run(every, state.clone())));
    let desk = Desk { state: state.clone(), timetable: asks };
    let requests = tokio::spawn(desk.serve(requests_in));
    lifecycle::running(&stop);
    tracing::info!(agent, polls, devices = config.devices.len(), "running");

    stop.cancelled().await;
    lifecycle::stopping();
    for task in &front {
        task.abort();
    }
    dispatcher.stop(CLOSE_LIMIT).await;
    drop(dispatcher);
    if let Some(traps) = traps {
        end(traps, TRAPS_LIMIT).await;
    }
    // All senders of outcomes are gone with the front and the workers, so the recorder ends by itself.
    for task in front {
        let _ = task.await;
    }
    end(recorder, BROKER_LIMIT).await;
    broker_stop.cancel();
    end(broker, BROKER_LIMIT).await;
    if let Some(heartbeat) = heartbeat {
        heartbeat.abort();
        let _ = heartbeat.await;
    }
    looking.abort();
    let _ = looking.await;
    requests.abort();
    let _ = requests.await;
    state.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn end(task: JoinHandle<()>, limit: Duration) {
    let abort = task.abort_handle();
    if tokio::time::timeout(limit, task).await.is_err() {
        abort.abort();
    }
}

fn start_broker(
    config: &Config,
    intake: Intake,
    state: State,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, AppError> {
    let prefix = config.bus.prefix.to_string();
    let agent = config.agent.name.to_string();
    let event_keys = event_keys(config);
    let mut settings = match &config.bus.broker {
        Broker::Embedded { port } => Embedded::start(*port)?.settings(prefix, agent),
        Broker::Mqtt { server } => mqtt_settings(server, prefix, agent)?,
        Broker::Amqp { server, vhost } => {
            let settings = amqp::Settings { event_keys, ..amqp_settings(server, vhost, config)? };
            return Ok(tokio::spawn(async move { amqp::run(&settings, &state, &intake, &stop).await }));
        }
    };
    settings.event_keys = event_keys;
    Ok(tokio::spawn(async move { mqtt::run(&settings, &state, &intake, &stop).await }))
}

/// The patterns of all triggers, each once.
fn event_keys(config: &Config) -> Vec<String> {
    let keys: std::collections::BTreeSet<&str> =
        config.triggers.iter().map(|trigger| trigger.key.as_str()).collect();
    keys.into_iter().map(str::to_owned).collect()
}

fn mqtt_settings(server: &Server, prefix: String, agent: String) -> Result<mqtt::Settings, AppError> {
    let mut settings =
        mqtt::Settings { hosts: server.hosts.clone(), ..mqtt::Settings::new("", 0, prefix, agent) };
    if let Some((user, password)) = &server.login {
        settings.user = Some(user.clone());
        settings.password = Some(password.clone());
    }
    settings.tls = match &server.tls {
        None => None,
        Some(tls) => Some(match &tls.ca_file {
            None => mqtt::Tls::System,
            Some(path) => mqtt::Tls::Authorities(certificates(path)?),
        }),
    };
    settings.identity = match server.tls.as_ref().and_then(|tls| tls.identity.as_ref()) {
        None => None,
        Some((certificate, key)) => {
            let wrong = |error| AppError::Broker(format!("the key in {}: {error}", key.display()));
            let key = PrivateKeyDer::from_pem_file(key).map_err(wrong)?;
            Some(mqtt::Identity { certificates: certificates(certificate)?, key: Arc::new(key) })
        }
    };
    Ok(settings)
}

fn amqp_settings(server: &Server, vhost: &str, config: &Config) -> Result<amqp::Settings, AppError> {
    let tls = match &server.tls {
        None => None,
        Some(tls) if tls.identity.is_some() => {
            return Err(AppError::Broker(
                "certificates of the agent's own are not supported yet for AMQP".to_owned(),
            ));
        }
        Some(tls) => Some(match &tls.ca_file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                AppError::Broker(format!("the authorities in {}: {error}", path.display()))
            })?,
        }),
    };
    let (user, password) =
        server.login.clone().unwrap_or_else(|| ("guest".to_owned(), rackpoll_model::Secret::from("guest")));
    Ok(amqp::Settings {
        hosts: server.hosts.clone(),
        tls,
        user,
        password,
        vhost: vhost.to_owned(),
        prefix: config.bus.prefix.to_string(),
        zone: config.agent.zone.to_string(),
        agent: config.agent.name.to_string(),
        event_keys: Vec::new(),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AppError> {
    let wrong = |why: String| AppError::Broker(format!("the certificates in {}: {why}", path.display()));
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() { Err(wrong("there is none".to_owned())) } else { Ok(certificates) }
}

/// The lines to all devices, over the agent's few sockets. `names`: what oids may be asked by. What is learned about BMCs is
/// kept in `state`; at `pace`.
///
/// # Errors
/// The operating system has no socket for us.
pub fn lines(names: &Arc<Names>, state: Option<State>, pace: Option<Pace>) -> Result<SocketLines, AppError> {
    SocketLines::bind(Arc::clone(names), state, pace).map_err(AppError::Socket)
}

async fn record(mut outcomes: mpsc::Receiver<Outcome>, state: State) {
    while let Some(outcome) = outcomes.recv().await {
        tell(&outcome);
        let mut outcome = outcome;
        match outcome.subject.divert.take() {
            None => state.record(outcome).await,
            // A command that waits looks at it first. Where that has gone the agent stops, and the command comes again.
            Some(divert) => drop(divert.send(Box::new(outcome))),
        }
    }
}

fn tell(outcome: &Outcome) {
    let device = outcome.target.as_ref().map_or("", |target| target.host.as_str());
    let poller = outcome.subject.work_item_id.as_deref().unwrap_or("");
    match &outcome.reading {
        Ok(_) => tracing::debug!(device, poller, "polled"),
        Err(fault) => tracing::warn!(device, poller, error = %fault, "poll failed"),
    }
}

/// Lets the state file look at the clock.
async fn look(state: State) {
    let mut clock = tokio::time::interval(LOOK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        state.look(SystemTime::now()).await;
    }
}

async fn serve_ticks(mut due: mpsc::Receiver<Job>, dispatcher: Dispatcher) {
    while let Some(job) = due.recv().await {
        submit(&dispatcher, job).await;
    }
}

async fn serve_events(mut events: mpsc::Receiver<BusEvent>, mut triggers: Triggers, dispatcher: Dispatcher) {
    while let Some(event) = events.recv().await {
        for job in triggers.fire(&event, SystemTime::now()) {
            submit(&dispatcher, job).await;
        }
    }
}

async fn serve_commands(mut commands: mpsc::Receiver<Delivery>, fences: Arc<Fences>, waiter: Waiter) {
    while let Some(Some(delivery)) = waiter.stop.run_until_cancelled(commands.recv()).await {
        match intake::parse_command(delivery, &fences, SystemTime::now()) {
            Ok(mut job) => match job.wait.take() {
                None => submit(&waiter.dispatcher, job).await,
                Some(wait) => drop(tokio::spawn(waiter.clone().run(job, *wait))),
            },
            Err(refused) => {
                if waiter.outcomes.send(*refused).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A name server must not hold up those who need none.
async fn submit(dispatcher: &Dispatcher, job: Job) {
    if Dispatcher::needs_look_up(&job) {
        let dispatcher = dispatcher.clone();
        tokio::spawn(async move { dispatcher.submit(job).await });
    } else {
        dispatcher.submit(job).await;
    }
}

impl Outlet for State {
    async fn batch(&self, after: Option<u64>, limit: usize) -> Vec<Pending> {
        Self::batch(self, after, limit).await
    }

    async fn confirm(&self, ids: Vec<u64>) {
        self.forget(ids).await;
    }

    async fn discard(&self, id: u64) {
        Self::discard(self, id).await;
    }

    async fn added(&self) {
        Self::added(self).await;
    }
}
