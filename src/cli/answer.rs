//! Where commands write their answers.

use std::io::{self, ErrorKind, StderrLock, StdoutLock, Write};

/// A writer whose reader may leave, as `head` does. What is written after that is lost without an error: the command
/// goes on to its end, and its exit code stays what it found out.
pub(super) struct Answer<W> {
    to: W,
    is_read: bool,
}

pub(super) fn out() -> Answer<StdoutLock<'static>> {
    Answer { to: io::stdout().lock(), is_read: true }
}

pub(super) fn err() -> Answer<StderrLock<'static>> {
    Answer { to: io::stderr().lock(), is_read: true }
}

impl<W: Write> Write for Answer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_read {
            return Ok(bytes.len());
        }
        match self.to.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_read = false;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_read {
            return Ok(());
        }
        match self.to.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_read = false;
                Ok(())
            }
            flushed => flushed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_may_leave() {
        let (reader, to) = io::pipe().unwrap();
        let mut answer = Answer { to, is_read: true };
        drop(reader);
        for _ in 0..3 {
            writeln!(answer, "a line").unwrap();
        }
        answer.flush().unwrap();
        assert!(!answer.is_read);
    }

    #[test]
    fn other_errors_are_told() {
        let mut room = [0_u8; 2];
        let mut answer = Answer { to: room.as_mut_slice(), is_read: true };
        assert_eq!(writeln!(answer, "a line").unwrap_err().kind(), ErrorKind::WriteZero);
    }
}
