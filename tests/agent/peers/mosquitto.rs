//! Mosquitto: a real MQTT 5 broker, and the clients that people watch a bus with.

use std::{process::Command, time::Duration};

use super::{
    free_tcp_port,
    process::{Folder, Process},
    program, run,
};

/// A broker on 127.0.0.1, open to all on this machine.
pub struct Mosquitto {
    process: Process,
    port: u16,
}

impl Mosquitto {
    pub fn start() -> Self {
        let port = free_tcp_port();
        let folder = Folder::new("mosquitto");
        let configuration = folder.write(
            "mosquitto.conf",
            // As root it would give up its rights for a user whom this folder does not belong to.
            &format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\nlog_dest stdout\nlog_type all\n"),
        );
        let mut command = Command::new(program("mosquitto"));
        command.arg("-c").arg(configuration);
        let mut process = Process::start("mosquitto", folder, &mut command);
        process.wait_until("it takes a publish", Duration::from_secs(20), || {
            publish(port, "ready", "yes", &[]).is_ok()
        });
        Self { process, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `mosquitto_pub` with MQTT 5, QoS 1.
    pub fn publish(&self, topic: &str, body: &str, more: &[&str]) -> Result<String, String> {
        publish(self.port, topic, body, more)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}

/// `mosquitto_pub` on any broker, MQTT 5, QoS 1.
pub fn publish(port: u16, topic: &str, body: &str, more: &[&str]) -> Result<String, String> {
    run(Command::new(program("mosquitto_pub"))
        .args([
            "-V",
            "mqttv5",
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-q",
            "1",
            "-t",
            topic,
            "-m",
            body,
        ])
        .args(more))
}

/// `mosquitto_sub` on any broker, running until it is dropped; what it prints is `topic body` a line.
pub struct Subscriber(Process);

impl Subscriber {
    pub fn start(port: u16, topic: &str) -> Self {
        // Into a file it would keep what it prints to itself until a block is full.
        let mut command = Command::new(program("stdbuf"));
        command.arg("-oL").arg(program("mosquitto_sub"));
        command.args([
            "-V",
            "mqttv5",
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-q",
            "1",
            "-v",
            "-d",
            "-t",
            topic,
        ]);
        let mut process = Process::start("mosquitto_sub", Folder::new("mosquitto-sub"), &mut command);
        let output = process.folder().path().join("mosquitto_sub.log");
        process.wait_until("it is subscribed", Duration::from_secs(20), || {
            std::fs::read_to_string(&output).is_ok_and(|said| said.contains("Subscribed"))
        });
        Self(process)
    }

    /// The messages so far, as `(topic, body)`.
    pub fn messages(&self) -> Vec<(String, String)> {
        // With -d the client also prints what it does; those lines begin with its name.
        self.0
            .output()
            .lines()
            .filter(|line| !line.starts_with("Client ") && !line.starts_with("Subscribed"))
            .filter_map(|line| line.split_once(' '))
            .map(|(topic, body)| (topic.to_owned(), body.to_owned()))
            .collect()
    }
}
