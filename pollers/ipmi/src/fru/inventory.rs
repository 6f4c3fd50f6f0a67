//! An inventory as bytes: which of them are needed next, and what they say. Everything in it was written by a stranger:
//! offsets and lengths are held to the inventory's size, and records to a number.

use std::ops::Range;

use rackpoll_model::{FruBoard, FruChassis, FruInventory, FruPart, FruProduct};

use super::{records, text::Fields};

/// The common header's size, and the unit of its offsets.
const UNIT: usize = 8;
/// Format version that is known, in the low nibble.
const VERSION: u8 = 1;
/// Records of the multi-record area that are read; real ones have a dozen.
const RECORDS: usize = 64;

/// What is known of an inventory.
#[derive(Debug)]
pub(super) struct Image {
    bytes: Vec<Byte>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Byte {
    Unknown,
    Known(u8),
    /// The device has no sensible answer for it.
    Lost,
}

impl Byte {
    fn known(self) -> Option<u8> {
        match self {
            Self::Known(byte) => Some(byte),
            Self::Unknown | Self::Lost => None,
        }
    }
}

/// Why bytes are not there.
enum Gap {
    /// They are needed and not known yet.
    Missing(Range<usize>),
    /// They cannot be read.
    Lost,
}

impl Image {
    /// Of an inventory of this size, nothing.
    pub(super) fn new(size: u16) -> Self {
        Self { bytes: vec![Byte::Unknown; usize::from(size)] }
    }

    /// These bytes are at this offset.
    pub(super) fn put(&mut self, offset: usize, bytes: &[u8]) {
        let places = self.bytes.iter_mut().skip(offset);
        places.zip(bytes).for_each(|(place, byte)| *place = Byte::Known(*byte));
    }

    /// So many bytes at this offset cannot be read, unless they have been.
    pub(super) fn lose(&mut self, offset: usize, length: usize) {
        let places = self.bytes.iter_mut().skip(offset).take(length);
        places.filter(|byte| **byte == Byte::Unknown).for_each(|byte| *byte = Byte::Lost);
    }

    /// The bytes that are needed next, if any.
    pub(super) fn missing(&self) -> Option<Range<usize>> {
        match self.parse() {
            Err(Gap::Missing(range)) => Some(range),
            Ok(_) | Err(Gap::Lost) => None,
        }
    }

    /// What is known says this.
    pub(super) fn inventory(&self) -> FruInventory {
        self.parse().unwrap_or_default()
    }

    /// What is known says this, as far as it goes: what could not be read reads as zeros.
    pub(super) fn inventory_so_far(mut self) -> FruInventory {
        self.bytes.iter_mut().filter(|byte| **byte == Byte::Unknown).for_each(|byte| *byte = Byte::Known(0));
        self.inventory()
    }

    /// These bytes, as far as the inventory goes.
    fn at(&self, offset: usize, length: usize) -> Result<Vec<u8>, Gap> {
        let end = offset.saturating_add(length).min(self.bytes.len());
        let bytes = self.bytes.get(offset..end).unwrap_or_default();
        if bytes.contains(&Byte::Lost) {
            return Err(Gap::Lost);
        }
        match bytes.iter().position(|byte| *byte == Byte::Unknown) {
            None => Ok(bytes.iter().filter_map(|byte| byte.known()).collect()),
            Some(first) => Err(Gap::Missing(offset + first..end)),
        }
    }

    fn parse(&self) -> Result<FruInventory, Gap> {
        let mut inventory = FruInventory::default();
        let Some(header) = inventory.unless_lost(FruPart::Header, self.at(0, UNIT))? else {
            return Ok(inventory);
        };
        let [version, _internal, chassis, board, product, multi, ..] = *header.as_slice() else {
            return Ok(inventory);
        };
        if version & 0x0f != VERSION {
            return Ok(inventory);
        }
        if !sums_up(&header) {
            inventory.wrong_checksums.push(FruPart::Header);
        }
        if let Some(area) = inventory.unless_lost(FruPart::Chassis, self.area(chassis))?.flatten() {
            inventory.check(FruPart::Chassis, &area);
            inventory.chassis = Some(read_chassis(&area));
        }
        if let Some(area) = inventory.unless_lost(FruPart::Board, self.area(board))?.flatten() {
            inventory.check(FruPart::Board, &area);
            inventory.board = Some(read_board(&area));
        }
        if let Some(area) = inventory.unless_lost(FruPart::Product, self.area(product))?.flatten() {
            inventory.check(FruPart::Product, &area);
            inventory.product = Some(read_product(&area));
        }
        if multi != 0 {
            let records = self.records(usize::from(multi) * UNIT, &mut inventory);
            inventory.unless_lost(FruPart::Record, records)?;
        }
        Ok(inventory)
    }

    /// A whole area: version, length in units, and so on.
    fn area(&self, offset: u8) -> Result<Option<Vec<u8>>, Gap> {
        let start = usize::from(offset) * UNIT;
        if offset == 0 || start >= self.bytes.len() {
            return Ok(None);
        }
        match *self.at(start, 2)?.as_slice() {
            [_version, units] if units != 0 => self.at(start, usize::from(units) * UNIT).map(Some),
            _ => Ok(None),
        }
    }

    fn records(&self, mut offset: usize, inventory: &mut FruInventory) -> Result<(), Gap> {
        for _ in 0..RECORDS {
            let header = self.at(offset, 5)?;
            let [kind, flags, length, sum, _] = *header.as_slice() else { return Ok(()) };
            if !sums_up(&header) {
                // No telling how long it is.
                inventory.wrong_checksums.push(FruPart::Record);
                return Ok(());
            }
            let data = self.at(offset + 5, usize::from(length))?;
            if data.len() < usize::from(length) {
                return Ok(());
            }
            if data.iter().fold(sum, |sum, byte| sum.wrapping_add(*byte)) != 0 {
                inventory.wrong_checksums.push(FruPart::Record);
            }
            inventory.records.push(records::decode(kind, data));
            if flags & 0x80 != 0 {
                return Ok(());
            }
            offset += 5 + usize::from(length);
        }
        Ok(())
    }
}

trait Check {
    fn check(&mut self, part: FruPart, bytes: &[u8]);

    /// What was read of this part; none, and a note of it, where it cannot be read.
    fn unless_lost<T>(&mut self, part: FruPart, read: Result<T, Gap>) -> Result<Option<T>, Gap>;
}

impl Check for FruInventory {
    fn check(&mut self, part: FruPart, bytes: &[u8]) {
        if !sums_up(bytes) {
            self.wrong_checksums.push(part);
        }
    }

    fn unless_lost<T>(&mut self, part: FruPart, read: Result<T, Gap>) -> Result<Option<T>, Gap> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Gap::Lost) => {
                self.unreadable.push(part);
                Ok(None)
            }
            Err(missing) => Err(missing),
        }
    }
}

/// Bytes with their checksum add up to zero.
fn sums_up(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

fn read_chassis(area: &[u8]) -> FruChassis {
    let [_, _, kind, fields @ ..] = area else { return FruChassis::default() };
    let mut fields = Fields(fields);
    FruChassis { kind: *kind, part_number: fields.text(), serial: fields.text(), extra: fields.rest() }
}

fn read_board(area: &[u8]) -> FruBoard {
    let [_, _, _language, m0, m1, m2, fields @ ..] = area else { return FruBoard::default() };
    let mut fields = Fields(fields);
    FruBoard {
        made: u32::from_le_bytes([*m0, *m1, *m2, 0]),
        manufacturer: fields.text(),
        product: fields.text(),
        serial: fields.text(),
        part_number: fields.text(),
        file_id: fields.text(),
        extra: fields.rest(),
    }
}

fn read_product(area: &[u8]) -> FruProduct {
    let [_, _, _language, fields @ ..] = area else { return FruProduct::default() };
    let mut fields = Fields(fields);
    FruProduct {
        manufacturer: fields.text(),
        name: fields.text(),
        part_number: fields.text(),
        version: fields.text(),
        serial: fields.text(),
        asset_tag: fields.text(),
        file_id: fields.text(),
        extra: fields.rest(),
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::FruRecord;

    use super::*;

    /// An area of these fields after its first bytes, with length and checksum.
    fn area(first: &[u8], fields: &[&str]) -> Vec<u8> {
        let mut area = vec![1, 0];
        area.extend(first);
        for field in fields {
            area.push(0xc0 | u8::try_from(field.len()).unwrap());
            area.extend(field.bytes());
        }
        area.push(0xc1);
        area.resize((area.len() + 1).next_multiple_of(UNIT) - 1, 0);
        area[1] = u8::try_from((area.len() + 1) / UNIT).unwrap();
        area.push(area.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte)));
        area
    }

    fn whole() -> Vec<u8> {
        let chassis = area(&[0x17], &["part", "serial", "more"]);
        let board =
            area(&[25, 0x2c, 0x1b, 0x9a], &["maker", "board", "", "number", "file", "more", "", "again"]);
        let product = area(&[25], &["maker", "name"]);
        let mut bytes = vec![1, 0, 1];
        for before in [&chassis, &board, &product] {
            let units = u8::try_from(before.len() / UNIT).unwrap();
            bytes.push(bytes.last().unwrap() + units);
        }
        bytes.push(0);
        bytes.push(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte)));
        bytes.extend([chassis, board, product].concat());
        bytes.extend([0x03, 0x02, 2, 0xfd, 0xfc, 1, 2, 0xc0, 0x82, 0, 0, 0xbe]);
        bytes
    }

    /// Reads it in such parts, as often as something is missing.
    fn read(bytes: &[u8], part: usize) -> FruInventory {
        let mut image = Image::new(u16::try_from(bytes.len()).unwrap());
        for _ in 0..2_000 {
            let Some(missing) = image.missing() else { return image.inventory() };
            assert!(!missing.is_empty() && missing.end <= bytes.len());
            let end = missing.end.min(missing.start + part);
            image.put(missing.start, &bytes[missing.start..end]);
        }
        panic!("no end");
    }

    #[test]
    fn areas_and_records() {
        for part in [1, 8, 16, 255] {
            let inventory = read(&whole(), part);
            let chassis = inventory.chassis.unwrap();
            assert_eq!((chassis.kind, &*chassis.part_number, &*chassis.serial), (0x17, "part", "serial"));
            assert_eq!(chassis.extra, ["more"]);
            let board = inventory.board.unwrap();
            assert_eq!((board.made, &*board.product, &*board.serial), (0x9a_1b2c, "board", ""));
            assert_eq!((&*board.part_number, &*board.file_id), ("number", "file"));
            assert_eq!(board.extra, ["more", "again"]);
            let product = inventory.product.unwrap();
            assert_eq!((&*product.name, &*product.serial), ("name", ""));
            let other = |kind, data: &[u8]| FruRecord::Other { kind, data: data.to_vec() };
            assert_eq!(inventory.records, [other(0x03, &[1, 2]), other(0xc0, &[])]);
            assert_eq!(inventory.wrong_checksums, []);
        }
    }

    #[test]
    fn wrong_checksums_are_told_and_read_all_the_same() {
        let mut bytes = whole();
        bytes[7] ^= 1;
        bytes[11] ^= 1;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let inventory = read(&bytes, 16);
        assert_eq!(inventory.wrong_checksums, [FruPart::Header, FruPart::Chassis, FruPart::Record]);
        assert!(inventory.chassis.is_some());
        assert_eq!(inventory.records.len(), 1);
    }

    #[test]
    fn a_part_with_lost_bytes_is_told_and_the_others_are_read() {
        let bytes = whole();
        let units = |at: usize| usize::from(bytes[at]) * UNIT;
        let parts = [
            (0, FruPart::Header),
            (units(2) + 1, FruPart::Chassis),
            (units(3) + 9, FruPart::Board),
            (units(4) + 4, FruPart::Product),
            (units(5) + 8, FruPart::Record),
        ];
        for (lost, part) in parts {
            let mut image = Image::new(u16::try_from(bytes.len()).unwrap());
            image.lose(lost, 1);
            while let Some(missing) = image.missing() {
                image.put(missing.start, &bytes[missing]);
            }
            let inventory = image.inventory();
            assert_eq!(inventory.unreadable, [part]);
            let whole = part != FruPart::Header;
            assert_eq!(inventory.chassis.is_some(), whole && part != FruPart::Chassis);
            assert_eq!(inventory.board.is_some(), whole && part != FruPart::Board);
            assert_eq!(inventory.product.is_some(), whole && part != FruPart::Product);
            // The second record is the one that is lost.
            let records = if part == FruPart::Record { 1 } else { 2 * usize::from(whole) };
            assert_eq!(inventory.records.len(), records, "{part:?}");
            assert_eq!(inventory.wrong_checksums, []);
        }
    }

    #[test]
    fn an_unknown_version_says_nothing() {
        for first in [0x00, 0x02, 0xff] {
            let mut bytes = whole();
            bytes[0] = first;
            assert_eq!(read(&bytes, 8), FruInventory::default());
        }
        assert_eq!(read(&[], 8), FruInventory::default());
    }

    #[test]
    fn garbage_ends_and_does_not_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..3_000_usize {
            let mut bytes = whole();
            bytes.resize(usize::try_from(random() % 400).unwrap(), 0xa5);
            for _ in 0..round % 20 {
                let at = usize::try_from(random()).unwrap_or(0);
                if let Some(byte) = bytes.get_mut(at % 400) {
                    *byte = random() as u8;
                }
            }
            let inventory = read(&bytes, 1 + round % 40);
            assert!(inventory.records.len() <= RECORDS);
        }
    }
}
