//! `rackpoll demo`: the agent with its embedded broker, a simulated rack to poll, and the results as lines.

pub mod line;
pub mod watch;
