//! A child process that cannot outlive the test, and whose output can be read.

use std::{
    fs::{File, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// A process in a group of its own, with its folder and its output.
///
/// Dropping it kills the group. Should this test program be killed itself, nothing is dropped: so beside each process
/// waits a shell on a pipe that closes with us, and does the same.
pub struct Process {
    name: String,
    child: Child,
    guard: Guard,
    folder: Arc<Folder>,
    output: PathBuf,
}

/// The folder of a peer. It outlives the process, so that a peer can be killed and started again on what it left.
pub struct Folder(TempDir);

impl Folder {
    /// A new folder that other users may enter: some peers give up root's rights.
    pub fn new(name: &str) -> Arc<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("rackpoll-{name}-"))
            .tempdir()
            .expect("a temporary folder");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("our own folder");
        Arc::new(Self(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it with this text.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("our own folder can be written");
        path
    }
}

struct Guard {
    shell: Child,
    /// Held, never written: it closes when this test program ends, however it ends.
    lifeline: Option<ChildStdin>,
}

impl Guard {
    fn watch(group: Pid, folder: &Path) -> Self {
        let mut shell = Command::new("/bin/sh")
            .args([
                "-c",
                r#"read -r _; kill -s KILL -- "-$1" 2>/dev/null; sleep 0.2; rm -rf -- "$2""#,
                "guard",
            ])
            .arg(group.as_raw_nonzero().to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh");
        let lifeline = shell.stdin.take();
        Self { shell, lifeline }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The shell first: it must not see the pipe close and kill a group whose number is somebody else's by then.
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

impl Process {
    /// Starts `command`, output into `<folder>/<name>.log` (appended: a restarted peer keeps what it said before).
    pub fn start(name: &str, folder: Arc<Folder>, command: &mut Command) -> Self {
        let output = folder.path().join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&output).expect("a log in our own folder");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}: {command:?}"));
        let guard = Guard::watch(Pid::from_child(&child), folder.path());
        Self { name: name.to_owned(), child, guard, folder, output }
    }

    /// Waits for `ready`; ends the test with what the process said where it ends before, or does not get there in time.
    pub fn wait_until(&mut self, what: &str, deadline: Duration, mut ready: impl FnMut() -> bool) {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                panic!("{} ended ({status}) before {what}:\n{}", self.name, self.output());
            }
            if start.elapsed() > deadline {
                panic!("{} not after {deadline:?}: {what}:\n{}", self.name, self.output());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// All that it printed so far.
    pub fn output(&self) -> String {
        std::fs::read(&self.output)
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9` on the whole group; the folder is handed back for a restart.
    pub fn kill9(self) -> Arc<Folder> {
        Arc::clone(&self.folder)
    }

    /// A signal to the process itself, not to the group.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("our own child can be signalled");
    }

    /// SIGTERM, then the exit status; ends the test where the process is still there after `within`.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(within)
    }

    /// What happens when this test program is killed.
    pub fn cut_lifeline(&mut self) {
        drop(self.guard.lifeline.take());
    }

    /// Waits for the end.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(
                start.elapsed() < within,
                "{} still runs after {within:?}:\n{}",
                self.name,
                self.output()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        drop(self.child.wait());
    }
}
