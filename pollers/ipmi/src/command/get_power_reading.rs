//! Get Power Reading (DCMI 1.5 clause 6.6.1).

use rackpoll_model::{Fault, PowerReading, SelTime};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Power Reading";
/// The command's number in network function `GROUP`.
pub const COMMAND: u8 = 0x02;
/// The group of commands that is DCMI's; requests and answers begin with it.
const DCMI: u8 = 0xdc;
/// Statistics since the sampling began, in place of enhanced ones over a rolling time.
const SYSTEM_POWER_STATISTICS: u8 = 0x01;

/// The request. USER is enough by the specification; some BMCs want more, and say so.
pub fn request() -> Request {
    let data = vec![DCMI, SYSTEM_POWER_STATISTICS, 0, 0];
    Request { netfn: netfn::GROUP, lun: 0, command: COMMAND, privilege: Privilege::User, data }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<PowerReading, Fault> {
    let [group, c0, c1, n0, n1, x0, x1, a0, a1, t0, t1, t2, t3, p0, p1, p2, p3, state, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, 18 needed", data.len())));
    };
    if group != DCMI {
        return Err(bad_answer(NAME, format_args!("it is of group {group:#04x}")));
    }
    Ok(PowerReading {
        current: u16::from_le_bytes([c0, c1]),
        minimum: u16::from_le_bytes([n0, n1]),
        maximum: u16::from_le_bytes([x0, x1]),
        average: u16::from_le_bytes([a0, a1]),
        time: SelTime(u32::from_le_bytes([t0, t1, t2, t3])),
        period: u32::from_le_bytes([p0, p1, p2, p3]),
        active: state & 0x40 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watts_in_order() {
        let data = [0xdc, 220, 0, 10, 0, 0x2c, 1, 200, 0, 0, 0, 0, 0x69, 0xe8, 3, 0, 0, 0x40];
        let reading = decode(&data).unwrap();
        assert_eq!((reading.current, reading.minimum, reading.maximum, reading.average), (220, 10, 300, 200));
        assert_eq!((reading.time, reading.period, reading.active), (SelTime(0x6900_0000), 1_000, true));
        for length in 0..18 {
            assert!(decode(&data[..length]).is_err());
        }
        assert!(decode(&[1; 18]).is_err());
    }
}
