//! Polls BMCs and tells what it cost: `poll USER PASSWORD COMMAND POLLS ADDRESS..`. Each BMC is polled so often, all
//! BMCs at the same time.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::{error::Error, net::SocketAddr, time::Instant};

use rackpoll_io::{IpmiDevice, IpmiSockets};
use rackpoll_model::{IpmiCommand, Secret};
use tokio::{task::JoinSet, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [user, password, command, polls, addresses @ ..] = arguments.as_slice() else {
        return Err("usage: poll USER PASSWORD COMMAND POLLS ADDRESS..".into());
    };
    let command: IpmiCommand = command.parse()?;
    let polls: u32 = polls.parse()?;
    let sockets = IpmiSockets::bind()?;
    let mut devices = Vec::new();
    for address in addresses {
        let peer: SocketAddr = address.parse()?;
        devices.push(IpmiDevice::new(&sockets, peer, user, Secret::from(password.as_str()))?);
    }

    let mut logins = JoinSet::new();
    for mut device in devices {
        logins.spawn(async move {
            let begun = Instant::now();
            let result = device.poll(command, tokio::time::Instant::now() + Duration::from_secs(10)).await;
            (device, result, begun.elapsed())
        });
    }
    let mut devices = Vec::new();
    for (device, result, took) in logins.join_all().await {
        match result {
            Ok(reading) => {
                if devices.is_empty() {
                    println!("{}: {reading:?} in {took:.1?}, {:?}", device.peer(), device.profile());
                }
                devices.push(device);
            }
            Err(fault) => println!("{fault} ({took:.1?})"),
        }
    }

    let (begun, before) = (Instant::now(), processor_time()?);
    let mut rounds = JoinSet::new();
    for mut device in devices {
        rounds.spawn(async move {
            let mut failed = 0;
            for _ in 0..polls {
                let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
                failed += u32::from(device.poll(command, deadline).await.is_err());
            }
            (device, failed)
        });
    }
    let done = rounds.join_all().await;
    let (took, used) = (begun.elapsed(), processor_time()? - before);
    let total = f64::from(polls) * done.len() as f64;
    let failed: u32 = done.iter().map(|(_, failed)| failed).sum();
    println!(
        "{total} polls of {} BMCs in {took:.2?}: {:.0} a second, {:.4} CPU s per 1,000, {failed} failed",
        done.len(),
        total / took.as_secs_f64(),
        used / total * 1000.0
    );
    println!("{:?}", sockets.statistics());
    let begun = Instant::now();
    let mut closes = JoinSet::new();
    for (mut device, _) in done {
        closes.spawn(async move { device.close().await });
    }
    closes.join_all().await;
    println!("closed in {:.1?}", begun.elapsed());
    Ok(())
}

/// User and system time of this process, seconds (fields 14 and 15 of proc(5)'s stat, in hundredths).
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat.rsplit_once(')').ok_or("no process name")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}
