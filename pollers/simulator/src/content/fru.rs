//! FRU inventory of a simulated BMC (Platform Management FRU Information Storage Definition 1.0).

use super::model::Model;

const MANUFACTURER: &str = "Simulated Systems";
/// Eight-bit ASCII, English.
const ASCII: u8 = 0xc0;
const END_OF_FIELDS: u8 = 0xc1;
/// Rack-mount chassis (SMBIOS 3.x, table 17).
const RACK_MOUNT: u8 = 0x17;
/// Size of the inventory device.
pub const SIZE: usize = 512;

/// The inventory of the BMC with this serial number.
pub fn inventory(model: &Model, serial: u32) -> Vec<u8> {
    let serial = format!("SIM{serial:08}");
    let part = format!("{:04X}-A1", model.product_id);
    let mut chassis = vec![RACK_MOUNT];
    put_fields(&mut chassis, &[&part, &serial]);
    // English; made on 2025-01-01: minutes since 1996-01-01.
    let mut board = vec![25];
    board.extend_from_slice(&15_253_920u32.to_le_bytes()[..3]);
    put_fields(&mut board, &[MANUFACTURER, model.product, &serial, &part, "FRU 1.0"]);
    let mut product = vec![25];
    put_fields(&mut product, &[MANUFACTURER, model.product, &part, "A1", &serial, "", "FRU 1.0"]);

    let areas = [area(chassis), area(board), area(product)];
    // Common header: version, internal use, chassis, board, product, multi-record, pad.
    let mut header = vec![0x01, 0x00];
    let mut offset = 1usize;
    for area in &areas {
        header.push(offset as u8);
        offset = offset.saturating_add(area.len() / 8);
    }
    header.extend_from_slice(&[0x00, 0x00]);
    put_checksum(&mut header);
    let mut inventory = header;
    for area in areas {
        inventory.extend(area);
    }
    inventory.resize(SIZE, 0xff);
    inventory
}

fn put_fields(area: &mut Vec<u8>, fields: &[&str]) {
    for field in fields {
        // Six bits of length; what is made here is shorter.
        let bytes = field.as_bytes();
        let bytes = bytes.get(..0x3f).unwrap_or(bytes);
        area.push(ASCII | bytes.len() as u8);
        area.extend_from_slice(bytes);
    }
    area.push(END_OF_FIELDS);
}

/// Version, length in eights, the fields, padding, checksum.
fn area(fields: Vec<u8>) -> Vec<u8> {
    let length = fields.len().saturating_add(3).next_multiple_of(8);
    let mut area = vec![0x01, (length / 8) as u8];
    area.extend(fields);
    area.resize(length.saturating_sub(1), 0x00);
    put_checksum(&mut area);
    area
}

fn put_checksum(bytes: &mut Vec<u8>) {
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.push(sum.wrapping_neg());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::models;

    #[test]
    fn areas_follow_each_other_and_add_up_to_zero() {
        let inventory = inventory(&models::server(), 12);
        assert_eq!(inventory.len(), SIZE);
        let zero = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0;
        assert!(zero(&inventory[..8]));
        for area in [2, 3, 4] {
            let start = usize::from(inventory[area]) * 8;
            let length = usize::from(inventory[start + 1]) * 8;
            assert!(zero(&inventory[start..start + length]), "area {area}");
        }
        assert!(inventory.windows(11).any(|bytes| bytes == b"SIM00000012"));
    }
}
