use std::collections::BTreeMap;

/// What a simulated BMC has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that came in.
    pub datagrams_in: u64,
    /// Datagrams that went out.
    pub datagrams_out: u64,
    /// Datagrams that are no RMCP, or no message that a BMC takes.
    pub malformed: u64,
    /// Datagrams of no session that is open.
    pub unknown_session: u64,
    /// Datagrams of a session, not encrypted, not authenticated, or with a wrong code.
    pub unauthentic: u64,
    /// Datagrams outside the sequence window or with a number that came before.
    pub out_of_window: u64,
    /// Commands lost because all buffers were taken.
    pub overrun: u64,
    /// Logins that were refused, for whatever reason.
    pub logins_refused: u64,
    /// Sessions that were opened (RAKP 4 sent).
    pub sessions_opened: u64,
    /// Sessions that the console closed.
    pub sessions_closed: u64,
    /// Sessions that ended by the time-out.
    pub sessions_expired: u64,
    /// Sessions lost in a reboot.
    pub sessions_forgotten: u64,
    /// Most sessions at one time, half-open ones among them.
    pub most_sessions: usize,
    /// Most commands that were in flight at one time; a repeated one counts once.
    pub most_in_flight: usize,
    /// Commands by network function and command number.
    pub commands: BTreeMap<(u8, u8), u64>,
}

impl Counters {
    /// How often a command came.
    pub fn command(&self, netfn: u8, command: u8) -> u64 {
        self.commands.get(&(netfn, command)).copied().unwrap_or(0)
    }

    /// Adds another BMC's counters; maxima stay maxima.
    pub fn add(&mut self, other: &Self) {
        // Destructured so that a new counter is not forgotten here.
        let Self {
            datagrams_in,
            datagrams_out,
            malformed,
            unknown_session,
            unauthentic,
            out_of_window,
            overrun,
            logins_refused,
            sessions_opened,
            sessions_closed,
            sessions_expired,
            sessions_forgotten,
            most_sessions,
            most_in_flight,
            commands,
        } = other;
        self.datagrams_in += datagrams_in;
        self.datagrams_out += datagrams_out;
        self.malformed += malformed;
        self.unknown_session += unknown_session;
        self.unauthentic += unauthentic;
        self.out_of_window += out_of_window;
        self.overrun += overrun;
        self.logins_refused += logins_refused;
        self.sessions_opened += sessions_opened;
        self.sessions_closed += sessions_closed;
        self.sessions_expired += sessions_expired;
        self.sessions_forgotten += sessions_forgotten;
        self.most_sessions = self.most_sessions.max(*most_sessions);
        self.most_in_flight = self.most_in_flight.max(*most_in_flight);
        for (command, count) in commands {
            *self.commands.entry(*command).or_default() += count;
        }
    }
}
