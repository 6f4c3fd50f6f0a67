use std::time::Duration;

use rackpoll_ipmi::command::completion;

use super::machine::{Answer, Machine};
use crate::content::model::Model;

/// Reservations of SDR repository and SEL; a new one cancels the one before, whoever had it (clause 33.11).
#[derive(Debug, Default)]
pub(super) struct Reservations {
    sdr: u16,
    sel: u16,
}

impl Reservations {
    /// The next id, never 0.
    fn next(id: &mut u16) -> Answer {
        *id = id.wrapping_add(1).max(1);
        Ok(id.to_le_bytes().to_vec())
    }

    /// As after a reboot: what was reserved is not any more.
    pub(super) fn cancel(&mut self) {
        self.sdr = self.sdr.wrapping_add(0x100);
        self.sel = self.sel.wrapping_add(0x100);
    }
}

/// A part of a record: reservation, record id, offset and length (tables 31-5 and 33-6).
struct Part {
    reservation: u16,
    id: u16,
    offset: usize,
    length: u8,
}

impl Part {
    fn decode(data: &[u8]) -> Result<Self, u8> {
        let [r0, r1, i0, i1, offset, length] = *data else { return Err(completion::REQUEST_LENGTH) };
        let (reservation, id) = (u16::from_le_bytes([r0, r1]), u16::from_le_bytes([i0, i1]));
        Ok(Self { reservation, id, offset: offset.into(), length })
    }

    /// Cuts it out of the record.
    fn of(&self, next: u16, record: &[u8], reservation: u16) -> Answer {
        if self.offset != 0 && self.reservation != reservation {
            return Err(completion::RESERVATION_CANCELED);
        }
        let rest = record.get(self.offset..).ok_or(completion::OUT_OF_RANGE)?;
        let part = rest.get(..usize::from(self.length)).unwrap_or(rest);
        let mut answer = next.to_le_bytes().to_vec();
        answer.extend_from_slice(part);
        Ok(answer)
    }
}

impl Machine {
    /// Commands of clauses 31 (SEL), 33 (SDR) and 34 (FRU).
    pub(super) fn storage_command(&mut self, at: Duration, command: u8, data: &[u8]) -> Answer {
        match command {
            // Get FRU Inventory Area Info: one device, read by bytes.
            0x10 => match data {
                [0] => Ok(vec![0x00, 0x02, 0x00]),
                [_] => Err(completion::NOT_PRESENT),
                _ => Err(completion::REQUEST_LENGTH),
            },
            0x11 => self.read_fru(data),
            0x20 => Ok(self.sdr_repository_info()),
            0x21 => Ok(self.sdr_allocation_info()),
            0x22 => Reservations::next(&mut self.reservations.sdr),
            0x23 => self.sdr_part(data),
            0x28 | 0x48 => Ok(self.stamp(at).to_le_bytes().to_vec()),
            0x40 => Ok(self.log.info()),
            0x41 => Ok(self.log.allocation()),
            0x42 => Reservations::next(&mut self.reservations.sel),
            0x43 => {
                let part = Part::decode(data)?;
                let (next, record) = self.log.entry(part.id).ok_or(completion::NOT_PRESENT)?;
                part.of(next, record, self.reservations.sel)
            }
            0x44 => {
                let record = data.try_into().map_err(|_| completion::REQUEST_LENGTH)?;
                let id = self.log.append(record).ok_or(completion::OUT_OF_SPACE)?;
                Ok(id.to_le_bytes().to_vec())
            }
            0x47 => self.clear_sel(at, data),
            0x49 => {
                let stamp =
                    data.try_into().map(u32::from_le_bytes).map_err(|_| completion::REQUEST_LENGTH)?;
                self.clock = stamp.wrapping_sub(at.as_secs() as u32);
                Ok(Vec::new())
            }
            _ => Err(completion::INVALID_COMMAND),
        }
    }

    /// Table 34-3.
    fn read_fru(&self, data: &[u8]) -> Answer {
        let [device, o0, o1, count] = *data else { return Err(completion::REQUEST_LENGTH) };
        if device != 0 {
            return Err(completion::NOT_PRESENT);
        }
        let inventory = self.inventory();
        let offset = usize::from(u16::from_le_bytes([o0, o1]));
        let rest = inventory.get(offset..).ok_or(completion::OUT_OF_RANGE)?;
        let part = rest.get(..usize::from(count)).unwrap_or(rest);
        let mut answer = vec![part.len() as u8];
        answer.extend_from_slice(part);
        Ok(answer)
    }

    /// Table 33-3: the repository was last written when this firmware was installed.
    fn sdr_repository_info(&self) -> Vec<u8> {
        let mut answer = vec![0x51];
        answer.extend_from_slice(&(self.model.records.len() as u16).to_le_bytes());
        answer.extend_from_slice(&0u16.to_le_bytes());
        let installed = 1_735_732_800u32.wrapping_add(u32::from(self.model.product_id));
        answer.extend_from_slice(&installed.to_le_bytes());
        answer.extend_from_slice(&0u32.to_le_bytes());
        // Reserve and Get Allocation Info are supported.
        answer.push(0x03);
        answer
    }

    fn sdr_allocation_info(&self) -> Vec<u8> {
        let mut answer = Vec::with_capacity(9);
        for number in [self.model.records.len() as u16, 64, 0, 0] {
            answer.extend_from_slice(&number.to_le_bytes());
        }
        answer.push(1);
        answer
    }

    fn sdr_part(&self, data: &[u8]) -> Answer {
        let part = Part::decode(data)?;
        let records = &self.model.records;
        let place = match part.id {
            0 => 0,
            0xffff => records.len().saturating_sub(1),
            id => (0..records.len())
                .find(|place| Model::record_id(*place) == id)
                .ok_or(completion::NOT_PRESENT)?,
        };
        let record = records.get(place).ok_or(completion::NOT_PRESENT)?;
        let next = place.saturating_add(1);
        let next = if next < records.len() { Model::record_id(next) } else { 0xffff };
        let wanted = match part.length {
            // The whole record, whatever it takes.
            0xff => record.len().saturating_sub(part.offset),
            length => length.into(),
        };
        if wanted > usize::from(self.model.longest_sdr_read) {
            return Err(completion::CANNOT_RETURN_BYTES);
        }
        part.of(next, record, self.reservations.sdr)
    }

    /// Table 31-10.
    fn clear_sel(&mut self, at: Duration, data: &[u8]) -> Answer {
        let [r0, r1, b'C', b'L', b'R', action] = *data else { return Err(completion::INVALID_DATA_FIELD) };
        if u16::from_le_bytes([r0, r1]) != self.reservations.sel {
            return Err(completion::RESERVATION_CANCELED);
        }
        match action {
            0xaa => {
                let stamp = self.stamp(at);
                self.log.clear(stamp);
                self.reservations.sel = self.reservations.sel.wrapping_add(1).max(1);
            }
            0x00 => {}
            _ => return Err(completion::INVALID_DATA_FIELD),
        }
        // Erasure completed.
        Ok(vec![0x01])
    }
}
