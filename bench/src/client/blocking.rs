use std::{
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use ipmi_rs::{
    Ipmi,
    connection::{IpmiCommand, Message, NetFn},
    rmcp::Rmcp,
};
use nix::sys::resource::UsageWho::RUSAGE_SELF;

use super::{Arguments, LIMIT, USER};
use crate::cost::{Cost, Error, processor_time};

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
) -> Result<Cost, Error> {
    let mut sessions = Vec::new();
    for bmc in &arguments.bmcs {
        sessions.push(open(*bmc, &arguments.password)?);
    }
    let share = sessions.len().div_ceil(THREADS).max(1);
    let (polls, count) = (arguments.polls, sessions.len() as u64);
    let threads = sessions.len().div_ceil(share);
    let (start, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    thread::scope(|scope| {
        let workers: Vec<_> = sessions
            .chunks_mut(share)
            .map(|chunk| {
                let (start, end) = (&start, &end);
                scope.spawn(move || {
                    start.wait();
                    let mut failed = 0;
                    for _ in 0..polls {
                        failed += chunk.iter_mut().map(|session| u64::from(!session.poll())).sum::<u64>();
                    }
                    end.wait();
                    chunk.iter_mut().for_each(Session::close);
                    failed
                })
            })
            .collect();
        let (begun, before) = (Instant::now(), processor_time(RUSAGE_SELF)?);
        start.wait();
        end.wait();
        let (processor, wall) = (processor_time(RUSAGE_SELF)? - before, begun.elapsed().as_secs_f64());
        let failed = workers.into_iter().map(|worker| worker.join().expect("no panic in a worker")).sum();
        Ok(Cost { processor, wall, polls: polls * count, failed })
    })
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
