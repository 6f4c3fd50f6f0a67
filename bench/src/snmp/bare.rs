//! The floor for blocking sockets: the datagrams of our engine's walk out, and the agent's answers in, which nobody reads.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::sys::resource::UsageWho::RUSAGE_SELF;
use rackpoll_io::{SnmpDevice, SnmpSockets};

use super::{ClientArguments, credential, ours::tables};
use crate::cost::{Cost, Error, processor_time};

pub fn run(arguments: &ClientArguments) -> Result<Cost, Error> {
    let first = arguments.agents.first().ok_or("no agents")?;
    let requests = datagrams(*first)?;
    let sockets = arguments.agents.iter().map(|agent| connected(*agent)).collect::<Result<Vec<_>, _>>()?;
    let each = arguments.walks.div_ceil(sockets.len() as u64);
    let mut answer = [0; 65_536];
    let (begun, before) = (Instant::now(), processor_time(RUSAGE_SELF)?);
    for socket in &sockets {
        for request in std::iter::repeat_n(&requests, each as usize).flatten() {
            socket.send(request)?;
            socket.recv(&mut answer)?;
        }
    }
    Ok(Cost {
        processor: processor_time(RUSAGE_SELF)? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: each * sockets.len() as u64,
        failed: 0,
    })
}

fn connected(agent: SocketAddr) -> Result<UdpSocket, Error> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(agent)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(socket)
}

/// What our engine sends for a walk once it knows the agent, seen by somebody between the two.
fn datagrams(agent: SocketAddr) -> Result<Vec<Vec<u8>>, Error> {
    let between = UdpSocket::bind("127.0.0.1:0")?;
    let address = between.local_addr()?;
    let beyond = connected(agent)?;
    let (sender, seen) = mpsc::channel();
    // A walk has one request on the way. The thread ends with this process.
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok((length, from)) = between.recv_from(&mut buffer) {
            let request = buffer[..length].to_vec();
            if beyond.send(&request).is_err() || sender.send(request).is_err() {
                return;
            }
            let Ok(length) = beyond.recv(&mut buffer) else { return };
            let _ = between.send_to(&buffer[..length], from);
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut device = SnmpDevice::new(&SnmpSockets::new(), address, credential(false));
        for _ in 0..2 {
            tables(&mut device).await?;
        }
        let _ = seen.try_iter().count();
        tables(&mut device).await?;
        Ok(seen.try_iter().collect())
    })
}
