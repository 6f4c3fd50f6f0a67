use std::collections::VecDeque;

use rackpoll_model::SelTime;

use super::record_read::Manner;

/// Records remembered of one log, newest kept: 64 KiB a BMC at most. Most BMCs have 512 to 4,096.
pub(super) const RECORDS: usize = 4_096;
/// Begins the bytes of a memory; its last byte is the version of their layout.
const MAGIC: [u8; 4] = [b'S', b'E', b'L', 1];

/// A record with the id under which the BMC gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: u16,
    pub(super) raw: [u8; 16],
}

/// What is remembered of a BMC's log from one poll to the next: the records read so far, so that the next poll reads
/// only what came after them.
#[derive(Debug, Default)]
pub struct Memory {
    /// Without a gap, oldest first.
    pub(super) records: VecDeque<Known>,
    /// The last of them was the log's last when it was read.
    pub(super) to_end: bool,
    /// The first of them was the log's first when it was read, or the log's older ones were dropped for want of room.
    pub(super) from_start: bool,
    /// The log's erase stamp while they were read.
    pub(super) erased: Option<SelTime>,
    /// How the BMC gives its records.
    pub(super) manner: Manner,
    /// Its record ids do not follow each other.
    pub(super) gaps: bool,
}

impl Memory {
    /// Nothing is known of the log any more.
    pub(super) fn forget(&mut self) {
        self.records.clear();
        (self.from_start, self.to_end) = (false, false);
    }

    /// Whether all of the log is known. A log of which a part is known only may be so long, or its BMC so slow, that
    /// whoever forgets that part comes no further the next time.
    pub fn is_whole(&self) -> bool {
        self.from_start && self.to_end
    }

    /// What tells one state of it from another: how many records are known, and the last of them.
    pub fn mark(&self) -> (usize, Option<[u8; 16]>, bool) {
        (self.records.len(), self.records.back().map(|known| known.raw), self.to_end)
    }

    /// As bytes, to be kept by somebody else. The layout is ours: numbers little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.records.len() * 18 + 10);
        out.extend_from_slice(&MAGIC);
        let flag = |bit: u8, set: bool| u8::from(set) << bit;
        let flags = flag(0, self.from_start) | flag(1, self.to_end) | flag(2, self.gaps);
        out.push(flags | flag(3, self.erased.is_some()) | (self.manner as u8) << 4);
        out.extend_from_slice(&self.erased.map_or(0, |time| time.0).to_le_bytes());
        for known in &self.records {
            out.extend_from_slice(&known.id.to_le_bytes());
            out.extend_from_slice(&known.raw);
        }
        out
    }

    /// From the bytes of `to_bytes`; none where they are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (&flags, rest) = rest.split_first()?;
        let (erased, rest) = rest.split_first_chunk()?;
        let set = |bit: u8| flags >> bit & 1 == 1;
        let manner = [Manner::Whole, Manner::Reserved, Manner::Parts]
            .into_iter()
            .find(|it| *it as u8 == flags >> 4)?;
        let (records, []) = rest.as_chunks::<18>() else { return None };
        if records.len() > RECORDS {
            return None;
        }
        let known =
            |&[low, high, ref raw @ ..]: &[u8; 18]| Known { id: u16::from_le_bytes([low, high]), raw: *raw };
        Some(Self {
            records: records.iter().map(known).collect(),
            to_end: set(1),
            from_start: set(0),
            erased: set(3).then_some(SelTime(u32::from_le_bytes(*erased))),
            manner,
            gaps: set(2),
        })
    }

    /// A record after the last one.
    pub(super) fn append(&mut self, record: Known, bound: usize) {
        self.records.push_back(record);
        self.to_end = false;
        while self.records.len() > bound {
            self.records.pop_front();
            self.from_start = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_anything_else_is_none() {
        let known = |id: u16| Known { id, raw: std::array::from_fn(|place| place as u8 ^ id as u8) };
        for (records, manner) in [(0, Manner::Whole), (3, Manner::Reserved), (RECORDS, Manner::Parts)] {
            let memory = Memory {
                records: (1..=records as u16).map(known).collect(),
                to_end: false,
                from_start: true,
                erased: (records > 0).then_some(SelTime(0x6900_0000)),
                manner,
                gaps: records == 3,
            };
            let bytes = memory.to_bytes();
            let again = Memory::from_bytes(&bytes).unwrap();
            assert_eq!(again.to_bytes(), bytes);
            assert_eq!((again.mark(), again.is_whole()), (memory.mark(), false));
            for length in (0..bytes.len()).take(60).filter(|length| (length + 9) % 18 != 0) {
                assert!(Memory::from_bytes(&bytes[..length]).is_none(), "{length}");
            }
            let mut other = bytes.clone();
            other[4] |= 0xf0;
            assert!(Memory::from_bytes(&other).is_none());
        }
        let much = Memory { records: (0..=RECORDS as u16).map(known).collect(), ..Memory::default() };
        assert!(Memory::from_bytes(&much.to_bytes()).is_none());
    }
}
