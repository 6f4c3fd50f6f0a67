use std::{net::SocketAddr, thread, time::Duration};

use ipmi_rs::{
    Ipmi,
    connection::{IpmiCommand, Message, NetFn},
    rmcp::Rmcp,
};

use super::{Arguments, LIMIT, USER};
use crate::cost::{Cost, Error, Round, Span};

/// More threads than cores, because each waits for its BMCs; not one a BMC, which nobody would do with 500.
const THREADS: usize = 32;

/// A session that is polled by blocking calls.
pub trait Session: Send {
    fn poll(&mut self) -> bool;
    fn close(&mut self);
}

/// Some threads share the BMCs and ask one after another.
pub fn run<S: Session>(
    arguments: &Arguments,
    open: fn(SocketAddr, &str) -> Result<S, Error>,
) -> Result<(), Error> {
    let mut sessions = Vec::new();
    for bmc in &arguments.bmcs {
        sessions.push(open(*bmc, &arguments.password)?);
    }
    super::rounds(|span| round(&mut sessions, span))?;
    sessions.iter_mut().for_each(Session::close);
    Ok(())
}

fn round<S: Session>(sessions: &mut [S], span: Span) -> Result<Cost, Error> {
    let share = sessions.len().div_ceil(THREADS).max(1);
    let round = Round::begin(span)?;
    let counts = thread::scope(|scope| {
        let workers: Vec<_> = sessions
            .chunks_mut(share)
            .map(|chunk| {
                let end = round.end();
                scope.spawn(move || {
                    let (mut polls, mut failed) = (0, 0);
                    while end.is_ahead(polls) {
                        failed += chunk.iter_mut().map(|session| u64::from(!session.poll())).sum::<u64>();
                        polls += 1;
                    }
                    (polls * chunk.len() as u64, failed)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic in a worker")).collect::<Vec<_>>()
    });
    round.cost(counts)
}

/// The crate `ipmi-rs`.
pub struct IpmiRs(Ipmi<Rmcp>);

/// It has no Get Chassis Status of its own.
struct GetChassisStatus;

impl From<GetChassisStatus> for Message {
    fn from(_: GetChassisStatus) -> Self {
        Message::new_request(NetFn::Chassis, 0x01, Vec::new())
    }
}

impl IpmiCommand for GetChassisStatus {
    type Output = bool;
    type Error = ();

    fn parse_success_response(data: &[u8]) -> Result<bool, ()> {
        data.first().map(|power| power & 1 != 0).ok_or(())
    }
}

impl IpmiRs {
    pub fn open(bmc: SocketAddr, password: &str) -> Result<Self, Error> {
        let mut rmcp = Rmcp::new(bmc, LIMIT.min(Duration::from_secs(2)))?;
        rmcp.activate(true, Some(USER), Some(password.as_bytes()))
            .map_err(|error| format!("ipmi-rs cannot log in to {bmc}: {error:?}"))?;
        Ok(Self(Ipmi::new(rmcp)))
    }
}

impl Session for IpmiRs {
    fn poll(&mut self) -> bool {
        self.0.send_recv(GetChassisStatus).is_ok()
    }

    /// It cannot.
    fn close(&mut self) {}
}
