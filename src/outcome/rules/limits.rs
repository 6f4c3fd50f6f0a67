/// What the rules of one place may be in all. A command of anybody's is read while others wait; a configuration is not.
#[derive(Debug)]
pub struct Budget {
    rules: usize,
    expressions: usize,
    most_rules: usize,
    most_expressions: usize,
    remembered: usize,
}

/// Rules of one poller, tag or device.
const CONFIGURED: usize = 10_000;
/// Rules of one command: what 256 KiB hold, in good faith.
const COMMANDED: usize = 2_000;
/// Regular expressions of one command: each takes up to a millisecond to compile.
const COMMANDED_EXPRESSIONS: usize = 256;
/// Keys or texts of which it is remembered which rules concern them: the columns of some large switches.
const CONFIGURED_REMEMBERED: usize = 32_768;
/// A command's rules look at one device mostly, and those of a thousand commands are kept.
const COMMANDED_REMEMBERED: usize = 2_048;

impl Budget {
    /// For one list of rules of the configuration.
    pub fn of_configuration() -> Self {
        Self {
            rules: 0,
            expressions: 0,
            most_rules: CONFIGURED,
            most_expressions: CONFIGURED,
            remembered: CONFIGURED_REMEMBERED,
        }
    }

    /// For the rules of one command.
    pub fn of_command() -> Self {
        Self {
            rules: 0,
            expressions: 0,
            most_rules: COMMANDED,
            most_expressions: COMMANDED_EXPRESSIONS,
            remembered: COMMANDED_REMEMBERED,
        }
    }

    /// How many keys or texts the rules may remember.
    pub(super) fn remembered(&self) -> usize {
        self.remembered
    }

    pub(super) fn rule(&mut self) -> Result<(), String> {
        self.rules += 1;
        if self.rules > self.most_rules {
            return Err(format!("there are more than {} rules", self.most_rules));
        }
        Ok(())
    }

    pub(super) fn expression(&mut self) -> Result<(), String> {
        self.expressions += 1;
        if self.expressions > self.most_expressions {
            return Err(format!("there are more than {} regular expressions", self.most_expressions));
        }
        Ok(())
    }
}
