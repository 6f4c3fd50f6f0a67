//! What systemd hears: that the agent runs, that it lives, that it goes.

use std::{
    os::unix::net::UnixDatagram,
    time::{Duration, Instant},
};

use crate::{
    agent::Setup,
    peers::{free_tcp_port, process::Folder},
};

/// `NOTIFY_SOCKET`, as systemd has it (sd_notify(3)).
struct Notifications(UnixDatagram);

impl Notifications {
    fn next(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within)).expect("a time");
        let mut datagram = [0; 4096];
        let length = self.0.recv(&mut datagram).ok()?;
        Some(String::from_utf8_lossy(&datagram[..length]).into_owned())
    }
}

#[test]
fn systemd_hears_ready_watchdog_and_stopping() {
    let folder = Folder::new("notify");
    let path = folder.path().join("socket");
    let notifications = Notifications(UnixDatagram::bind(&path).expect("a socket"));
    let path = path.display().to_string();
    let setup = Setup::embedded(free_tcp_port());
    let agent = setup.start_in(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "600000")]);
    let first =
        notifications.next(Duration::from_secs(30)).unwrap_or_else(|| panic!("silence:\n{}", agent.output()));
    assert!(first.lines().any(|line| line == "READY=1"), "{first}");

    // Twice within each watchdog period, or systemd would kill it one day.
    let start = Instant::now();
    let mut beats = 0;
    while start.elapsed() < Duration::from_secs(3) {
        let beat = notifications
            .next(Duration::from_millis(600))
            .expect("a sign of life within the watchdog's time");
        assert_eq!(beat.trim(), "WATCHDOG=1");
        beats += 1;
    }
    assert!(beats >= 9, "{beats} signs of life in 3 s");

    agent.terminate(Duration::from_secs(5));
    let mut last = String::new();
    while let Some(said) = notifications.next(Duration::from_millis(100)) {
        last = said;
    }
    assert!(last.lines().any(|line| line == "STOPPING=1"), "{last}");
}

#[test]
fn a_secret_comes_by_systemds_credentials() {
    let folder = Folder::new("credentials");
    folder.write("bmc-password", "from-systemd");
    let directory = folder.path().display().to_string();
    let port = free_tcp_port();
    let setup = Setup::embedded(port).with(
        "[[credential]]\nname = \"bmc\"\nuser = \"admin\"\npassword = { credential = \"bmc-password\" }\n",
    );
    let mut agent = setup.start_in(&[("CREDENTIALS_DIRECTORY", &directory)]);
    agent.wait_for_port(port);
    agent.terminate(Duration::from_secs(5));
    // Without systemd it is not there, and that is said before anything else happens.
    let mut agent = setup.start();
    let start = Instant::now();
    while agent.is_running() {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", agent.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(agent.output().contains("bmc-password"), "{}", agent.output());
}
