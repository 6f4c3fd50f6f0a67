//! The demo as somebody starts it: results from a subscription, a quick end, and nothing left behind.

// The demo is started as a program; in a test a panic is the way to say what is wrong.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

struct Demo {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    temporary: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rackpoll"))
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", temporary.path())
            .env_remove("RACKPOLL_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, temporary }
    }

    /// The first line that has this.
    fn line_with(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                let mut errors = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                panic!("no line has {text:?}; the demo said: {errors}");
            }
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn wait(mut self) -> (std::process::ExitStatus, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(errors, "", "nothing goes wrong in the demo");
        assert_eq!(std::fs::read_dir(self.temporary.path()).unwrap().count(), 0, "something stays behind");
        (status, rest)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn shows_results_and_alerts_and_ends_by_itself() {
    let begin = Instant::now();
    let mut demo = Demo::start(&["--for", "16s"]);
    let watch = demo.line_with("mosquitto_sub -V mqttv5");
    demo.line_with("poll ipmi");
    demo.line_with("ipmitool -I lanplus");
    demo.line_with("node01");
    assert!(begin.elapsed() < Duration::from_secs(10), "the first result took {:?}", begin.elapsed());
    // What it says about watching it is right: another client hears the same.
    let port = watch.split(" -p ").nth(1).unwrap().split(' ').next().unwrap();
    let heard = Command::new("mosquitto_sub")
        .args(["-V", "mqttv5", "-p", port, "-t", "on/task/#", "-C", "3", "-W", "10"])
        .output()
        .expect("mosquitto_sub cannot be started: apt-get install mosquitto-clients");
    let heard = String::from_utf8_lossy(&heard.stdout).into_owned();
    assert_eq!(heard.lines().filter(|line| line.starts_with(r#"{"value":{"#)).count(), 3, "{heard}");
    let alert = demo.line_with("chassispower.updated");
    assert!(alert.contains("ALERT") && alert.contains("power went from"), "{alert}");
    let (status, rest) = demo.wait();
    assert!(rest.contains("Shown: "), "{rest}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn ends_within_five_seconds_when_told_to() {
    for signal in ["-INT", "-TERM"] {
        let mut demo = Demo::start(&[]);
        demo.line_with("power           o");
        let begin = Instant::now();
        let pid = demo.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let (status, _) = demo.wait();
        assert!(begin.elapsed() < Duration::from_secs(5), "{signal} took {:?}", begin.elapsed());
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn without_a_result_it_fails() {
    let demo = Demo::start(&["--for", "1ms"]);
    let mut demo = demo;
    let mut rest = String::new();
    demo.output.read_to_string(&mut rest).unwrap();
    assert!(!demo.child.wait().unwrap().success(), "{rest}");
}
