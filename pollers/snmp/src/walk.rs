use std::{future::Future, pin::pin};

use rackpoll_model::{Fault, FaultKind, Oid, Value, VarBind};
use tokio::time::{Duration, Instant, error::Elapsed, timeout_at};

use crate::{
    agent::{Agent, Answer, Failure, NO_SUCH_NAME},
    habits::Habits,
    room::{Room, no_room},
    varbinds::{self, Numbers},
};

/// Most variables of one poll. Large switches have some ten thousand below one oid; an agent that makes up ever new ones
/// is stopped here.
pub(crate) const MOST_ROWS: usize = 100_000;
/// Most bytes of answers of one poll, for the same reason.
const MOST_BYTES: usize = 32 << 20;
/// Oids of one GET: values of a usual size fit a frame; tooBig has them asked for one by one.
const OIDS_OF_A_GET: usize = 16;
/// A GETBULK that gets no answer is asked again with less in it after a quarter of the time that is left, within these.
const PATIENCE: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(20);

/// What a walk of one root has found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) varbinds: Vec<VarBind>,
    pub(crate) error: Option<Fault>,
}

/// Asks one agent for more than an exchange holds, until the deadline.
pub(crate) struct Walker<'a, A> {
    agent: &'a A,
    habits: &'a mut Habits,
    room: &'a mut Room,
    deadline: Instant,
    rows_left: usize,
    bytes_left: usize,
}

/// The walk of one root.
struct Column {
    root: Oid,
    /// The last variable that was found; what is asked for next comes after it.
    at: Vec<u32>,
    /// What was found, as it came, and how many variables that are.
    list: Vec<u8>,
    count: usize,
    /// Most variables that are wanted.
    rows: usize,
    end: Option<Result<(), Fault>>,
}

impl Column {
    fn new(root: &Oid, rows: usize) -> Self {
        let at = sendable(root).numbers().to_vec();
        Self { root: root.clone(), at, list: Vec::new(), count: 0, rows, end: None }
    }

    fn found(self) -> Found {
        let mut varbinds = varbinds::decode(&self.list, self.count);
        let is_malformed = |varbind: &VarBind| matches!(varbind.value, Value::Malformed(_));
        let malformed = varbinds.iter().find(|varbind| is_malformed(varbind));
        let malformed = malformed.map(|varbind| undecodable(&varbind.oid));
        if malformed.is_some() {
            varbinds.retain(|varbind| !is_malformed(varbind));
        }
        Found { varbinds, error: self.end.and_then(Result::err).or(malformed) }
    }

    fn is_open(&self) -> bool {
        self.end.is_none()
    }
}

impl<'a, A: Agent> Walker<'a, A> {
    pub(crate) fn new(agent: &'a A, habits: &'a mut Habits, room: &'a mut Room, deadline: Instant) -> Self {
        Self { agent, habits, room, deadline, rows_left: MOST_ROWS, bytes_left: MOST_BYTES }
    }

    /// Walks each root, up to `width` of them side by side: what asks for the columns of a table wants one row an answer,
    /// and what asks for whole trees wants one tree after the other. An error of one root leaves the others alone.
    pub(crate) async fn walk(&mut self, roots: &[Oid], width: usize) -> Vec<Found> {
        self.walk_rows(roots, width, usize::MAX).await
    }

    /// The same, for the first `rows` variables below each root.
    pub(crate) async fn walk_rows(&mut self, roots: &[Oid], width: usize, rows: usize) -> Vec<Found> {
        let mut columns: Vec<Column> = roots.iter().map(|root| Column::new(root, rows)).collect();
        let mut width = width.max(1);
        loop {
            let mut open: Vec<&mut Column> =
                columns.iter_mut().filter(|column| column.is_open()).take(width).collect();
            if open.is_empty() {
                return columns.into_iter().map(Column::found).collect();
            }
            let at: Vec<Oid> = open.iter().map(|column| Oid::new(&column.at)).collect();
            match self.next(&at).await {
                Ok(answer) => {
                    if !self.take(answer, &mut open) {
                        width = 1;
                    }
                }
                Err(Failure::Status { status: NO_SUCH_NAME, index }) if self.agent.is_v1() => {
                    let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
                    let alone = open.len() == 1;
                    match place.and_then(|place| open.get_mut(place)) {
                        Some(column) => column.end = Some(Ok(())),
                        None if alone => open.iter_mut().for_each(|column| column.end = Some(Ok(()))),
                        None => width = 1,
                    }
                }
                Err(Failure::Fault(fault)) => {
                    // The device, and not this root of it: the others would fare no better.
                    for column in columns.iter_mut().filter(|column| column.is_open()) {
                        column.end = Some(Err(fault.clone()));
                    }
                }
                // Which of them it is about shows when each is asked for alone.
                Err(_) if open.len() > 1 => width = 1,
                Err(failure) => open.iter_mut().for_each(|column| column.end = Some(Err(failure.fault()))),
            }
        }
    }

    /// Gets the oid itself: `snmpwalk` does so where nothing lies below it, and people ask for instances all the time.
    pub(crate) async fn scalar(&mut self, oid: &Oid) -> Found {
        let (agent, oid) = (self.agent, &sendable(oid));
        let found = match self.ask(agent.get(std::slice::from_ref(oid))).await {
            Ok(answer) => answer
                .varbinds
                .decode()
                .into_iter()
                .next()
                .map_or_else(|| Err(without_variables()), |first| of(oid, first)),
            Err(failure) => Err(failure.fault()),
        };
        Found::from(found)
    }

    /// Gets the oids, as many in one exchange as an answer may hold; where that does not go well, one by one.
    pub(crate) async fn get(&mut self, oids: &[Oid]) -> Vec<Found> {
        let oids = &oids.iter().map(sendable).collect::<Vec<_>>();
        let mut found = Vec::with_capacity(oids.len());
        let agent = self.agent;
        for chunk in oids.chunks(OIDS_OF_A_GET) {
            let together = match self.ask(agent.get(chunk)).await {
                Ok(answer) => fitting(chunk, answer.varbinds.decode()),
                // The device, and not these oids of it.
                Err(Failure::Fault(fault)) => {
                    found.resize(oids.len(), Found { varbinds: Vec::new(), error: Some(fault) });
                    return found;
                }
                Err(_) => None,
            };
            match together {
                Some(together) => found.extend(together),
                None => {
                    for oid in chunk {
                        found.push(self.scalar(oid).await);
                    }
                }
            }
        }
        found
    }

    /// Sorts an answer into the columns it was asked for. False where it does not fit them and they had better be asked for
    /// one by one.
    fn take(&mut self, answer: Answer, open: &mut [&mut Column]) -> bool {
        let width = open.len();
        self.bytes_left = self.bytes_left.saturating_sub(answer.size);
        let too_short = answer.varbinds.len() < width;
        // Some agents have single rows in disorder. That does no harm while each answer leads further than the one before:
        // so rows are measured by what was asked for, and the walk goes on from the greatest.
        let asked: Vec<Vec<u32>> = open.iter().map(|column| column.at.clone()).collect();
        let mut numbers = Numbers::default();
        for (place, entry) in answer.varbinds.iter().enumerate() {
            let place = place.checked_rem(width).unwrap_or(0);
            let (Some(column), Some(asked)) = (open.get_mut(place), asked.get(place)) else { continue };
            if !column.is_open() {
                continue;
            }
            let name = entry.name(&mut numbers);
            if entry.is_exception() || !name.starts_with(column.root.numbers()) {
                column.end = Some(Ok(()));
            } else if name <= asked.as_slice() || name == column.at {
                if width > 1 {
                    return false;
                }
                column.end = Some(Err(not_increasing(&Oid::new(&column.at), &Oid::new(name))));
            } else if self.rows_left == 0 || self.bytes_left == 0 {
                column.end = Some(Err(too_much()));
            } else {
                self.rows_left = self.rows_left.saturating_sub(1);
                column.rows = column.rows.saturating_sub(1);
                if column.rows == 0 {
                    column.end = Some(Ok(()));
                }
                if name > column.at.as_slice() {
                    column.at.clear();
                    column.at.extend_from_slice(name);
                }
                entry.put(&mut column.list);
                column.count = column.count.saturating_add(1);
            }
        }
        self.room.holds(answer.size);
        !too_short
    }

    /// What follows each of these: one row or, where the agent has GETBULK, several.
    async fn next(&mut self, at: &[Oid]) -> Result<Answer, Failure> {
        let mut careful = false;
        while !self.agent.is_v1() && self.habits.may_ask_in_bulk() {
            let repetitions = if careful { 1 } else { self.habits.repetitions(at.len()) };
            self.turn().await?;
            let (agent, patience) = (self.agent, Instant::now() + self.patience());
            let bulk = self.until(patience, agent.get_bulk(at, repetitions)).await;
            match bulk {
                Ok(Ok(answer)) if !answer.varbinds.is_empty() => {
                    self.habits.answered(&answer);
                    return Ok(answer);
                }
                Ok(Err(Failure::TooBig)) if repetitions > 1 => self.habits.ask_less(repetitions),
                Err(_) if Instant::now() >= self.deadline => return Err(silent()),
                Err(_) if repetitions > 1 && self.habits.has_answered_in_bulk() => {
                    self.habits.ask_less(repetitions);
                }
                Ok(Err(failure @ Failure::Fault(_))) => return Err(failure),
                // The error may be about any of the rows: the next one may be good.
                Ok(Err(Failure::Status { .. })) if repetitions > 1 => careful = true,
                // An error of the next row, no GETBULK at all, or nothing but silence: GETNEXT will show.
                Ok(_) | Err(_) => break,
            }
        }
        let agent = self.agent;
        match self.ask(agent.get_next(at)).await {
            Ok(answer) if answer.varbinds.is_empty() => Err(Failure::Fault(without_variables())),
            Ok(answer) => {
                self.habits.answers_to_get_next();
                Ok(answer)
            }
            Err(failure) => Err(failure),
        }
    }

    fn patience(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left / 4).clamp(*PATIENCE.start(), *PATIENCE.end()).min(left)
    }

    /// An exchange that has until the deadline.
    async fn ask(
        &mut self,
        exchange: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        self.turn().await?;
        self.until(self.deadline, exchange).await.unwrap_or_else(|_| Err(silent()))
    }

    /// Waits until one exchange more has room, and what the poll holds already.
    async fn turn(&mut self) -> Result<(), Failure> {
        let turn = async {
            self.room.enter().await;
            self.agent.ready().await;
        };
        timeout_at(self.deadline, turn).await.map_err(|_| Failure::Fault(no_room()))
    }

    /// While an exchange is silent, what the poll has of the room is for others.
    async fn until<T>(&mut self, end: Instant, exchange: impl Future<Output = T>) -> Result<T, Elapsed> {
        let mut exchange = pin!(exchange);
        let silent = Instant::now() + self.room.patience();
        if silent < end {
            if let Ok(answer) = timeout_at(silent, exchange.as_mut()).await {
                return Ok(answer);
            }
            self.room.leave();
        }
        timeout_at(end, exchange).await
    }
}

impl From<Result<VarBind, Fault>> for Found {
    fn from(found: Result<VarBind, Fault>) -> Self {
        match found {
            Ok(varbind) => Self { varbinds: vec![varbind], error: None },
            Err(fault) => Self { varbinds: Vec::new(), error: Some(fault) },
        }
    }
}

/// What an answer says about the oid that was asked for.
fn of(oid: &Oid, varbind: VarBind) -> Result<VarBind, Fault> {
    if varbind.oid != *oid {
        let what = format!("asked for {oid}, the agent answers about {}", varbind.oid);
        return Err(Fault::new(FaultKind::BadAnswer, what));
    }
    match varbind.value {
        Value::NoSuchObject | Value::EndOfMibView => {
            Err(Fault::new(FaultKind::NoSuchObject, "the agent has no such object"))
        }
        Value::NoSuchInstance => {
            Err(Fault::new(FaultKind::NoSuchObject, "the agent has the object, and no such instance of it"))
        }
        Value::Malformed(_) => Err(undecodable(oid)),
        _ => Ok(varbind),
    }
}

/// One answer to several oids; none where it is not about them, one after the other.
fn fitting(oids: &[Oid], varbinds: Vec<VarBind>) -> Option<Vec<Found>> {
    let fits =
        oids.len() == varbinds.len() && oids.iter().zip(&varbinds).all(|(oid, varbind)| *oid == varbind.oid);
    fits.then(|| oids.iter().zip(varbinds).map(|(oid, varbind)| Found::from(of(oid, varbind))).collect())
}

fn silent() -> Failure {
    Failure::Fault(Fault::new(
        FaultKind::Timeout,
        "no answer within the deadline; check address, port and firewall, and the community: agents stay silent on a wrong one",
    ))
}

/// BER has the first two numbers of an oid in one: a single number goes out with a zero behind it, as net-snmp sends it.
fn sendable(oid: &Oid) -> Oid {
    if oid.numbers().len() == 1 { oid.join(&[0]) } else { oid.clone() }
}

fn without_variables() -> Fault {
    Fault::new(FaultKind::BadAnswer, "the agent answers without any variable")
}

fn undecodable(oid: &Oid) -> Fault {
    Fault::new(FaultKind::BadAnswer, format!("the value of {oid} cannot be decoded"))
}

fn not_increasing(at: &Oid, next: &Oid) -> Fault {
    let what = if at == next {
        format!("the agent says that {at} follows itself: a walk would never end")
    } else {
        format!("the agent says that {next} follows {at}, which comes later: a walk would never end")
    };
    Fault::new(FaultKind::BadAnswer, what)
}

fn too_much() -> Fault {
    let what = format!(
        "the agent has more than {MOST_ROWS} variables or {} MiB below the oids; ask for less",
        MOST_BYTES >> 20
    );
    Fault::new(FaultKind::BadAnswer, what)
}
