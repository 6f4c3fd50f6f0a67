/// Which sequence numbers of a session have come in, so that none is taken twice (IPMI 2.0 clause 6.12.13).
///
/// The specification lets a receiver look 15 ahead and 16 back. Ahead there is no limit here: the number is under the
/// integrity code, BMCs jump on shared network ports, and after a loss of 16 datagrams the session would be deaf.
/// Numbers begin at 1 and a session ends long before they wrap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    highest: u32,
    /// Bit n: `highest - n` has come in.
    seen: u32,
}

/// How far back a late datagram may be; the width of `seen`.
const BACK: u32 = u32::BITS;

impl Window {
    pub(super) fn accepts(&self, sequence: u32) -> bool {
        match self.highest.checked_sub(sequence) {
            None => true,
            Some(back) => sequence != 0 && back < BACK && self.seen & 1 << back == 0,
        }
    }

    pub(super) fn mark(&mut self, sequence: u32) {
        match self.highest.checked_sub(sequence) {
            None => {
                let ahead = sequence.wrapping_sub(self.highest);
                self.seen = if ahead < BACK { self.seen << ahead } else { 0 } | 1;
                self.highest = sequence;
            }
            Some(back) if back < BACK => self.seen |= 1 << back,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sequences: &[u32]) -> Window {
        let mut window = Window::default();
        for sequence in sequences {
            assert!(window.accepts(*sequence), "{sequence}");
            window.mark(*sequence);
        }
        window
    }

    #[test]
    fn each_number_once_in_any_order() {
        let window = after(&[1, 2, 5, 3, 4, 6]);
        for sequence in 0..=6 {
            assert!(!window.accepts(sequence), "{sequence}");
        }
        assert!(window.accepts(7));
    }

    #[test]
    fn zero_is_no_number_of_a_session() {
        assert!(!Window::default().accepts(0));
    }

    #[test]
    fn thirty_one_back_and_no_further() {
        let window = after(&[100]);
        assert!(window.accepts(69));
        assert!(!window.accepts(68));
        assert!(window.accepts(100 + 1000));
    }

    #[test]
    fn a_long_jump_forgets_what_was_before() {
        let window = after(&[1, 2, 3, 50]);
        assert!(!window.accepts(3));
        assert!(window.accepts(49));
        assert!(!window.accepts(50));
        let window = after(&[1, u32::MAX]);
        assert!(!window.accepts(u32::MAX));
    }
}
