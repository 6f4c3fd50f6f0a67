use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::{Engine, USER};
use crate::{
    cost::{Cost, Error, Span},
    go_floor::GoFloor,
    servers::PASSWORD,
};

/// What a client says when its sessions are open.
pub const READY: &str = "ready";

/// A client in a process of its own, with a session open at each BMC. It is told on its standard input how long to
/// poll, and answers what that cost; when that is closed, it closes its sessions and ends.
pub struct Client {
    engine: Engine,
    process: Child,
    /// None once it is to end.
    spans: Option<ChildStdin>,
    costs: BufReader<ChildStdout>,
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.spans.take());
        // Nobody waits for what a client that has failed still does.
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Client {
    /// Starts it and waits until its sessions are open.
    pub fn start(engine: Engine, threads: usize, bmcs: &[SocketAddr]) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["client", "--engine", &engine.to_string()]);
        Self::run(engine, command, threads, bmcs)
    }

    /// The same of the client in Go.
    pub fn start_go(floor: &GoFloor, threads: usize, bmcs: &[SocketAddr]) -> Result<Self, Error> {
        let mut command = Command::new(floor.program());
        command.args(["--user", USER]);
        Self::run(Engine::GoFloor, command, threads, bmcs)
    }

    fn run(engine: Engine, mut command: Command, threads: usize, bmcs: &[SocketAddr]) -> Result<Self, Error> {
        let mut process = command
            .args(["--threads", &threads.to_string(), "--password", PASSWORD])
            .args(bmcs.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (spans, costs) = (process.stdin.take(), process.stdout.take().ok_or("no standard output")?);
        let mut client = Self { engine, process, spans, costs: BufReader::new(costs) };
        match client.line()?.as_str() {
            READY => Ok(client),
            other => Err(format!("{engine}: {other:?} instead of its sessions").into()),
        }
    }

    /// Polls for so long. All polls have to be good.
    pub fn round(&mut self, span: Span) -> Result<Cost, Error> {
        let spans = self.spans.as_mut().ok_or("the client has ended")?;
        writeln!(spans, "{span}").map_err(|error| format!("{}: {error}", self.engine))?;
        let cost: Cost = self.line()?.parse()?;
        if cost.failed > 0 {
            return Err(format!("{}: {} of {} polls failed", self.engine, cost.failed, cost.polls).into());
        }
        if cost.polls == 0 {
            return Err(format!("{}: no poll in {span}", self.engine).into());
        }
        Ok(cost)
    }

    /// Lets it close its sessions, and answers what else it has to say.
    pub fn finish(mut self) -> Result<String, Error> {
        drop(self.spans.take());
        let said = std::io::read_to_string(&mut self.costs)?;
        let status = self.process.wait()?;
        if status.success() { Ok(said) } else { Err(format!("{}: {status}", self.engine).into()) }
    }

    /// Why it ended it has said on our standard error, which is its own.
    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.costs.read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(line) => Ok(line.to_owned()),
            None => Err(format!("{} has ended", self.engine).into()),
        }
    }
}
