use std::{
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

use nix::sys::resource::UsageWho::RUSAGE_SELF;
use rackpoll_io::{SnmpDevice, SnmpSockets};
use rackpoll_model::{Oid, OidWalk, Reading, SnmpRequest, Value};
use rackpoll_snmp::{oid_text, value_text};
use tokio::task::JoinSet;

use super::{Client, ClientArguments, ROOTS, VALUES, credential};
use crate::cost::{Cost, Error, processor_time};

/// How long one walk may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How a walk is asked for, and what is done with it.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Texts,
    Values,
    Columns,
}

pub fn run(arguments: &ClientArguments) -> Result<Cost, Error> {
    let (threads, manner) = match arguments.client {
        Client::Rackpoll2 => (2, Manner::Texts),
        Client::RackpollValues => (1, Manner::Values),
        Client::RackpollColumns => (1, Manner::Columns),
        _ => (1, Manner::Texts),
    };
    let runtime = match threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }?;
    runtime.block_on(walks(arguments, manner))
}

async fn walks(arguments: &ClientArguments, manner: Manner) -> Result<Cost, Error> {
    let sockets = SnmpSockets::new();
    let mut devices = Vec::new();
    for agent in &arguments.agents {
        let mut device = SnmpDevice::new(&sockets, *agent, credential(arguments.v3));
        // What logins are to IPMI: how much fits an answer is learned, and SNMPv3's engine asked for.
        walk(&mut device, manner).await?;
        devices.push(device);
    }
    let each = arguments.walks.div_ceil(devices.len() as u64);
    let (begun, before) = (Instant::now(), processor_time(RUSAGE_SELF)?);
    let mut rounds = JoinSet::new();
    for mut device in devices {
        rounds.spawn(async move {
            for _ in 0..each {
                walk(&mut device, manner).await?;
            }
            Ok::<_, Error>(each)
        });
    }
    let done = rounds.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Cost {
        processor: processor_time(RUSAGE_SELF)? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: done.iter().sum(),
        failed: 0,
    })
}

async fn walk(device: &mut SnmpDevice, manner: Manner) -> Result<(), Error> {
    let walks = match manner {
        Manner::Columns => device.walk(&columns(), tokio::time::Instant::now() + LIMIT).await?,
        Manner::Texts | Manner::Values => tables(device).await?,
    };
    if manner == Manner::Texts {
        std::hint::black_box(texts(&walks));
    }
    let values: usize = walks.iter().map(|walk| walk.varbinds.len()).sum();
    match walks.into_iter().find_map(|walk| walk.error) {
        Some(fault) => Err(fault.to_string().into()),
        None if values == VALUES => Ok(()),
        None => Err(format!("{}: {values} values in place of {VALUES}", device.peer()).into()),
    }
}

/// The tables, one after the other.
pub async fn tables(device: &mut SnmpDevice) -> Result<Vec<OidWalk>, Error> {
    let request = SnmpRequest::Oids(ROOTS.map(str::to_owned).to_vec());
    match device.poll(&request, tokio::time::Instant::now() + LIMIT).await? {
        Reading::Oids(walks) => Ok(walks),
        other => Err(format!("another reading: {other:?}").into()),
    }
}

fn columns() -> Vec<Oid> {
    [(&[2, 2, 1][..], 22), (&[31, 1, 1, 1], 19)]
        .into_iter()
        .flat_map(|(table, last)| {
            (1..=last).map(move |column| Oid::new(&[&[1, 3, 6, 1, 2, 1], table, &[column]].concat()))
        })
        .collect()
}

/// What snmpwalk prints.
fn texts(walks: &[OidWalk]) -> String {
    let mut texts = String::new();
    for varbind in walks.iter().flat_map(|walk| &walk.varbinds) {
        let _ = writeln!(texts, "{} {}", oid_text(&varbind.oid), value_text(&varbind.value));
    }
    texts
}

/// The tables of this switch as a recording of snmpsim.
pub fn recording(agent: SocketAddr) -> Result<String, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut device = SnmpDevice::new(&SnmpSockets::new(), agent, credential(false));
    let walks = runtime.block_on(tables(&mut device))?;
    // snmpsim wants the order of the numbers.
    let mut text = "1.3.6.1.2.1.1.1.0|4|a recorded switch\n".to_owned();
    for varbind in walks.iter().flat_map(|walk| &walk.varbinds) {
        let (tag, value) = match &varbind.value {
            Value::Integer(number) => ("2", number.to_string()),
            Value::OctetString(bytes) => ("4x", bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            Value::ObjectId(oid) => ("6", oid_text(oid).trim_start_matches('.').to_owned()),
            Value::Counter32(number) => ("65", number.to_string()),
            Value::Gauge32(number) => ("66", number.to_string()),
            Value::TimeTicks(ticks) => ("67", ticks.to_string()),
            Value::Counter64(number) => ("70", number.to_string()),
            other => return Err(format!("{}: nothing for a recording: {other:?}", varbind.oid).into()),
        };
        let _ = writeln!(text, "{}|{tag}|{value}", oid_text(&varbind.oid).trim_start_matches('.'));
    }
    // snmpSetSerialNo.0: behind the last row of a tree snmpwalk prints one line more.
    text.push_str("1.3.6.1.6.3.1.1.6.1.0|2|1\n");
    Ok(text)
}
