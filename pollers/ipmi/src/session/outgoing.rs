use std::collections::VecDeque;

/// More than ever wait: a retransmission, a farewell to an old session and the first message of a login.
const MOST: usize = 8;

/// Datagrams that wait to be sent, one after another in one buffer that is used again.
#[derive(Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    ends: VecDeque<usize>,
    sent: usize,
}

impl Outgoing {
    /// Appends the datagram that `write` appends to the buffer. One too many is dropped like one lost on the way.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.ends.len() >= MOST {
            return;
        }
        if self.ends.is_empty() {
            self.bytes.clear();
            self.sent = 0;
        }
        write(&mut self.bytes);
        self.ends.push_back(self.bytes.len());
    }

    /// The next datagram to send.
    pub(super) fn pop(&mut self) -> Option<&[u8]> {
        let end = self.ends.pop_front()?;
        let start = std::mem::replace(&mut self.sent, end);
        self.bytes.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_out_whole_and_in_order() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.pop(), None);
        outgoing.push(|out| out.extend([1, 2]));
        outgoing.push(|out| out.push(3));
        assert_eq!(outgoing.pop(), Some(&[1, 2][..]));
        outgoing.push(|out| out.extend([4, 5]));
        assert_eq!(outgoing.pop(), Some(&[3][..]));
        assert_eq!(outgoing.pop(), Some(&[4, 5][..]));
        assert_eq!(outgoing.pop(), None);
        outgoing.push(|out| out.push(6));
        assert_eq!(outgoing.pop(), Some(&[6][..]));
    }

    #[test]
    fn it_is_bounded() {
        let mut outgoing = Outgoing::default();
        for _ in 0..100 {
            outgoing.push(|out| out.push(0));
        }
        assert_eq!(std::iter::from_fn(|| outgoing.pop().map(drop)).count(), MOST);
    }
}
