use std::net::SocketAddr;

use rackpoll_model::{
    Blame, Fault, FaultKind, MetricReading, MetricRequest, Oid, OidWalk, Reading, SnmpCredential,
    SnmpRequest, VarBind,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    SnmpSockets,
    habits::Habits,
    metric::{self, Answers, Manner, Memory, Questions},
    names::Names,
    room::{Room, USUAL, no_room},
    session::Session,
    walk::{Found, Walker},
};

/// Columns that are walked side by side: so many values of a usual size fit a frame with a few rows of them.
const COLUMNS: usize = 8;

/// The ways to ask for several oids.
#[derive(Debug, Clone, Copy)]
enum How {
    /// So many side by side.
    Walk(usize),
    /// One after the other, and where nothing lies below one the oid itself, as `snmpwalk` does.
    WalkOrGet,
    /// The first variables below each.
    Rows(u32),
    /// The oids themselves.
    Get,
}

/// One SNMP agent under one credential, and what has been learned about it.
///
/// There is nothing to close: an agent knows no sessions.
pub struct SnmpDevice {
    sockets: SnmpSockets,
    peer: SocketAddr,
    credential: SnmpCredential,
    session: Option<Session>,
    habits: Habits,
    memory: Memory,
    /// What a walk of it held of answers, as of late.
    walked: usize,
    attempts: u32,
}

/// What went out to one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnmpStatistics {
    /// Requests, each counted once.
    pub sent: u64,
    /// How often one was sent again because its answer was late.
    pub resent: u64,
}

impl SnmpDevice {
    /// An agent at this address. Nothing is sent before the first poll.
    pub fn new(sockets: &SnmpSockets, peer: SocketAddr, credential: SnmpCredential) -> Self {
        let sockets = sockets.clone();
        Self {
            sockets,
            peer,
            credential,
            session: None,
            habits: Habits::default(),
            memory: Memory::default(),
            walked: USUAL,
            attempts: 0,
        }
    }

    /// Runs a poll. Ends by `deadline`, and may be dropped at any await.
    ///
    /// # Errors
    /// The device gave nothing at all. Where it gave something, what is missing has its fault in the reading.
    pub async fn poll(&mut self, request: &SnmpRequest, deadline: Instant) -> Result<Reading, Fault> {
        let answers = if matches!(request, SnmpRequest::Get(_)) { 0 } else { self.walked };
        let room = self.enter(answers, deadline).await?;
        // Boxed now that there is room: of thousands of polls that are due at once most wait up there.
        Box::pin(self.run(request, room, deadline)).await
    }

    async fn run(
        &mut self,
        request: &SnmpRequest,
        mut room: Room,
        deadline: Instant,
    ) -> Result<Reading, Fault> {
        let room = &mut room;
        match request {
            SnmpRequest::Oids(sources) => {
                self.oids(sources, How::WalkOrGet, room, deadline).await.map(Reading::Oids)
            }
            SnmpRequest::Get(sources) => {
                self.oids(sources, How::Get, room, deadline).await.map(Reading::Oids)
            }
            SnmpRequest::Bulk(sources, rows) => {
                self.oids(sources, How::Rows(*rows), room, deadline).await.map(Reading::Oids)
            }
            SnmpRequest::Table(table, columns) => {
                self.table(table, columns, room, deadline).await.map(Reading::Oids)
            }
            SnmpRequest::Metric(request) => self.metric(request, room, deadline).await.map(Reading::Metric),
        }
    }

    /// Waits for the poll's part of the room.
    async fn enter(&mut self, answers: usize, deadline: Instant) -> Result<Room, Fault> {
        self.attempts = 0;
        let mut room = Room::new(&self.sockets, &self.credential, answers);
        match timeout_at(deadline, room.enter()).await {
            Ok(()) => Ok(room),
            Err(_) => Err(named(self.peer, &no_room())),
        }
    }

    /// Asks for oids in the texts of whoever asks, and answers with them.
    async fn oids(
        &mut self,
        sources: &[String],
        how: How,
        room: &mut Room,
        deadline: Instant,
    ) -> Result<Vec<OidWalk>, Fault> {
        let names = self.sockets.names();
        let roots = sources.iter().map(|source| read(source, &names)).collect::<Result<Vec<_>, _>>()?;
        let walks = self.ask(&roots, how, room, deadline).await?;
        Ok(sources
            .iter()
            .zip(walks)
            .map(|(source, walk)| OidWalk { source: source.clone(), ..walk })
            .collect())
    }

    /// Walks columns of a table side by side, and puts them together in the order of the table's oids.
    async fn table(
        &mut self,
        table: &str,
        columns: &[u32],
        room: &mut Room,
        deadline: Instant,
    ) -> Result<Vec<OidWalk>, Fault> {
        let root = read(table, &self.sockets.names())?;
        // The conceptual row is always the table's first child (RFC 2578, clause 7.1.12).
        let roots: Vec<Oid> = columns.iter().map(|column| root.join(&[1, *column])).collect();
        let walks = self.ask(&roots, How::Walk(COLUMNS), room, deadline).await?;
        let error = walks.iter().find_map(|walk| walk.error.clone());
        let mut varbinds: Vec<VarBind> = walks.into_iter().flat_map(|walk| walk.varbinds).collect();
        varbinds.sort_by(|one, other| one.oid.cmp(&other.oid));
        Ok(vec![OidWalk { source: table.to_owned(), root, varbinds, error }])
    }

    /// Asks what the metric asks, round by round, and computes it.
    async fn metric(
        &mut self,
        request: &MetricRequest,
        room: &mut Room,
        deadline: Instant,
    ) -> Result<MetricReading, Fault> {
        let mut answers = Answers::default();
        loop {
            let Questions { roots, manner } = metric::questions(request, &answers)?;
            if roots.is_empty() {
                return metric::reading(request, &answers, &mut self.memory);
            }
            let how = match manner {
                Manner::SideBySide => How::Walk(COLUMNS),
                Manner::OneByOne => How::Walk(1),
                Manner::Instances => How::WalkOrGet,
            };
            let walks = match self.ask(&roots, how, room, deadline).await {
                Ok(walks) => walks,
                Err(fault) if answers.is_empty() => return Err(fault),
                // What came before is worth a result.
                Err(fault) => roots.iter().map(|root| failed(root, &fault)).collect(),
            };
            answers.put(walks, Instant::now().into_std());
        }
    }

    /// Walks the columns side by side. An empty column is no error.
    ///
    /// # Errors
    /// The device gave nothing at all.
    pub async fn walk(&mut self, columns: &[Oid], deadline: Instant) -> Result<Vec<OidWalk>, Fault> {
        let mut room = self.enter(self.walked, deadline).await?;
        Box::pin(self.ask(columns, How::Walk(COLUMNS), &mut room, deadline)).await
    }

    async fn ask(
        &mut self,
        roots: &[Oid],
        how: How,
        room: &mut Room,
        deadline: Instant,
    ) -> Result<Vec<OidWalk>, Fault> {
        let peer = self.peer;
        self.attempts = 1;
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                let session = Session::open(&self.sockets, peer, &self.credential)
                    .await
                    .map_err(|fault| named(peer, &fault))?;
                none.insert(session)
            }
        };
        let session = &*session;
        let renewed = session.renewed();
        let mut walker = Walker::new(session, &mut self.habits, room, deadline);
        let found = match how {
            How::Walk(width) => walker.walk(roots, width).await,
            How::Rows(rows) => walker.walk_rows(roots, 1, usize::try_from(rows).unwrap_or(usize::MAX)).await,
            How::Get => walker.get(roots).await,
            How::WalkOrGet => {
                let mut found = walker.walk(roots, 1).await;
                for (root, found) in roots.iter().zip(&mut found) {
                    if found.varbinds.is_empty() && found.error.is_none() {
                        *found = walker.scalar(root).await;
                    }
                }
                found
            }
        };
        self.walked = room.held().unwrap_or(self.walked);
        self.attempts = session.renewed().saturating_sub(renewed).saturating_add(1);
        let walks = roots.iter().zip(found).map(|(root, Found { varbinds, error })| OidWalk {
            source: root.to_string(),
            root: root.clone(),
            varbinds,
            error: error.map(|fault| named(peer, &session.explain(fault))),
        });
        something(walks.collect())
    }

    /// How many times the last poll was begun: 0 where it was refused before anything was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Requests so far.
    pub fn statistics(&self) -> SnmpStatistics {
        self.session.as_ref().map_or_else(SnmpStatistics::default, |session| {
            let heard = session.wire().heard();
            SnmpStatistics { sent: heard.sent, resent: heard.resent }
        })
    }

    /// Whether the device has answered anything yet.
    pub fn has_heard(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.wire().heard().ever)
    }

    /// The agent's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

fn read(source: &str, names: &Names) -> Result<Oid, Fault> {
    names
        .resolve(source)
        .map_err(|fault| Fault::new(FaultKind::MalformedCommand, format!("{source:?}: {fault}")))
}

/// The walks, unless nothing came of any of them for a reason that lies not in what was asked.
fn something(walks: Vec<OidWalk>) -> Result<Vec<OidWalk>, Fault> {
    let about_the_device = |walk: &OidWalk| {
        walk.varbinds.is_empty()
            && walk.error.as_ref().is_some_and(|fault| {
                matches!(fault.kind, FaultKind::BadAnswer | FaultKind::NoCommonSecurity)
                    || matches!(fault.kind.blame(), Blame::Network | Blame::Credentials | Blame::Agent)
            })
    };
    match walks.first().and_then(|walk| walk.error.clone()) {
        Some(fault) if walks.iter().all(about_the_device) => Err(fault),
        _ => Ok(walks),
    }
}

fn failed(root: &Oid, fault: &Fault) -> OidWalk {
    let error = Some(fault.clone());
    OidWalk { source: root.to_string(), root: root.clone(), varbinds: Vec::new(), error }
}

/// The fault with the peer that it is about.
fn named(peer: SocketAddr, fault: &Fault) -> Fault {
    Fault::new(fault.kind, format!("{peer}: {}", fault.message))
}
