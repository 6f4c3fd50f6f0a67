//! Get Chassis Status (IPMI 2.0 clause 28.2).

use rackpoll_model::{ChassisStatus, Fault, Uid};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Chassis Status";
/// The command's number in network function `CHASSIS`.
pub const COMMAND: u8 = 0x01;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::CHASSIS, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart (table 28-3). Bytes after the third are optional.
pub fn decode(data: &[u8]) -> Result<ChassisStatus, Fault> {
    let [power, _last_event, misc, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 3 needed", data.len())));
    };
    let bit = |byte: u8, bit: u8| byte & 1 << bit != 0;
    Ok(ChassisStatus {
        power: bit(power, 0),
        // Bit 6 says whether the identify state is supported; without it bits 5:4 are 0, which reads as off.
        uid: match misc >> 4 & 0x03 {
            0 => Uid::Off,
            1 => Uid::TemporaryOn,
            2 => Uid::On,
            _ => Uid::Reserved,
        },
        power_overload: bit(power, 1),
        interlock: bit(power, 2),
        power_fault: bit(power, 3),
        power_control_fault: bit(power, 4),
        intrusion: bit(misc, 0),
        front_panel_lockout: bit(misc, 1),
        drive_fault: bit(misc, 2),
        cooling_fault: bit(misc, 3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rackpoll_model::FaultKind;

    #[test]
    fn each_bit_has_its_flag() {
        let flags = |data: [u8; 3]| {
            let status = decode(&data).unwrap();
            let list = [
                status.power,
                status.power_overload,
                status.interlock,
                status.power_fault,
                status.power_control_fault,
                status.intrusion,
                status.front_panel_lockout,
                status.drive_fault,
                status.cooling_fault,
            ];
            list.iter().enumerate().filter(|(_, set)| **set).map(|(at, _)| at).collect::<Vec<_>>()
        };
        for bit in 0..5 {
            assert_eq!(flags([1 << bit, 0, 0]), [bit]);
        }
        for bit in 0..4 {
            assert_eq!(flags([0, 0, 1 << bit]), [5 + bit]);
        }
        // Restore policy, last power event and identify support are no faults.
        assert_eq!(flags([0x60, 0xff, 0x40]), [] as [usize; 0]);
    }

    #[test]
    fn identify_states() {
        let uid = |misc| decode(&[0, 0, misc]).unwrap().uid;
        assert_eq!(
            [uid(0x40), uid(0x50), uid(0x60), uid(0x70)],
            [Uid::Off, Uid::TemporaryOn, Uid::On, Uid::Reserved]
        );
    }

    #[test]
    fn short_answers_are_bad_and_longer_ones_good() {
        for length in 0..3 {
            assert_eq!(decode(&vec![0; length]).unwrap_err().kind, FaultKind::BadAnswer);
        }
        assert!(decode(&[1, 0, 0x40, 0xff]).unwrap().power);
    }
}
