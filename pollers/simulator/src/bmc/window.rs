/// Sequence numbers of what has come in: as IPMI 2.0 clause 6.12.13 says, 15 ahead and 16 back, and no more, so that a
/// client that jumps is heard no longer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    highest: u32,
    /// Bit n: `highest - n` has come in.
    seen: u32,
}

const AHEAD: u32 = 15;
const BACK: u32 = 16;

impl Window {
    /// Whether this number is in the window and new; if so it is taken.
    pub(super) fn take(&mut self, sequence: u32) -> bool {
        if sequence == 0 {
            return false;
        }
        if let Some(back) = self.highest.checked_sub(sequence) {
            let fresh = back <= BACK && self.seen & 1 << back == 0;
            if fresh {
                self.seen |= 1 << back;
            }
            return fresh;
        }
        let ahead = sequence.saturating_sub(self.highest);
        if ahead > AHEAD {
            return false;
        }
        self.seen = self.seen << ahead | 1;
        self.highest = sequence;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_each_number_once_and_only_near_ones() {
        let mut window = Window::default();
        assert!(!window.take(0));
        for sequence in [1, 3, 2, 18] {
            assert!(window.take(sequence), "{sequence}");
            assert!(!window.take(sequence), "{sequence}");
        }
        assert!(!window.take(34), "16 ahead");
        assert!(window.take(33), "15 ahead");
        assert!(window.take(17), "16 back");
        assert!(!window.take(16), "17 back");
    }
}
