/// What the rules of one place may be in all. A command of anybody's is read while others wait; a configuration is not.
#[derive(Debug)]
pub struct Budget {
    rules: usize,
    expressions: usize,
    most_rules: usize,
    most_expressions: usize,
}

/// Rules of one poller, tag or device.
const CONFIGURED: usize = 10_000;
/// Rules of one command: what 256 KiB hold, in good faith.
const COMMANDED: usize = 2_000;
/// Regular expressions of one command: each takes up to a millisecond to compile.
const COMMANDED_EXPRESSIONS: usize = 256;

impl Budget {
    /// For one list of rules of the configuration.
    pub fn of_configuration() -> Self {
        Self { rules: 0, expressions: 0, most_rules: CONFIGURED, most_expressions: CONFIGURED }
    }

    /// For the rules of one command.
    pub fn of_command() -> Self {
        Self { rules: 0, expressions: 0, most_rules: COMMANDED, most_expressions: COMMANDED_EXPRESSIONS }
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
