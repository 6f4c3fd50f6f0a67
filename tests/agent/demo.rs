//! What the demo prints is what others hear.

use std::time::{Duration, Instant};

use crate::{
    agent::rackpoll,
    cli::{USAGE, output},
    peers::{
        mosquitto::Subscriber,
        process::{Folder, Process},
    },
};

struct Demo(Process);

impl Demo {
    fn start() -> Self {
        let mut command = rackpoll();
        command.arg("demo");
        let mut process = Process::start("demo", Folder::new("demo"), &mut command);
        let log = process.folder().path().join("demo.log");
        process.wait_until("it shows a result", Duration::from_secs(10), || {
            std::fs::read_to_string(&log).is_ok_and(|said| said.lines().any(is_result))
        });
        Self(process)
    }

    /// The line that begins with these words, once it is there.
    fn line(&self, begin: &str) -> String {
        let said = self.0.output();
        let found = said.lines().map(str::trim).find(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("no line begins with {begin:?}:\n{said}")).to_owned()
    }
}

/// `HH:MM:SS  NAME  ...`
fn is_result(line: &str) -> bool {
    let time = line.split(' ').next().unwrap_or_default();
    time.len() == 8 && time.split(':').filter(|part| part.parse::<u8>().is_ok()).count() == 3
}

#[test]
fn what_the_demo_prints_has_been_on_the_bus() {
    let demo = Demo::start();
    let watch = demo.line("mosquitto_sub -V mqttv5");
    let mut words = watch.split_whitespace().skip_while(|word| *word != "-p").skip(1);
    let port = words.next().map_or(1883, |port| port.parse().expect("a port"));
    let subscriber = Subscriber::start(port, "on/task/#");
    let before = demo.0.output().lines().count();
    let start = Instant::now();
    while subscriber.messages().len() < 10 {
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", subscriber.messages());
        std::thread::sleep(Duration::from_millis(100));
    }
    // A line may be printed just before the same message gets to the other subscriber, and the other way round.
    std::thread::sleep(Duration::from_millis(500));
    let heard = subscriber.messages();
    let printed = demo.0.output();
    let printed: Vec<&str> = printed.lines().skip(before + 1).filter(|line| is_result(line)).collect();
    assert!(printed.len() >= 5, "{printed:?}");
    for line in printed.iter().take(printed.len() - 2) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (device, what) = (words[1], words[2]);
        // On other topics than those subscribed to.
        if ["ALERT", "accessible", "inaccessible"].contains(&what) {
            continue;
        }
        let on_the_bus =
            heard.iter().any(|(topic, body)| topic.contains(&format!("/{what}/")) && body.contains(device));
        assert!(on_the_bus, "printed, and not on the bus: {line}");
    }
}

#[test]
fn help_names_every_command() {
    let help = output(rackpoll().arg("--help"), &[]);
    assert!(help.status.success());
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for command in ["run", "demo", "check", "poll", "simulate"] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} is not in:\n{text}"
        );
        assert!(output(rackpoll().args([command, "--help"]), &[]).status.success(), "{command} --help");
    }
    assert_eq!(output(&mut rackpoll(), &[]).status.code(), Some(USAGE), "no command at all");
}
