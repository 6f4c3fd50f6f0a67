//! SEL records (IPMI 2.0 chapter 32).

use rackpoll_model::{
    SelBody, SelEntry, SelTime, SystemEvent,
    event::{EventType, SensorType},
};

/// Takes a record apart; of its sensor it says nothing. Every 16 bytes are a record: reserved record types are read as events, as `ipmitool` does.
pub fn decode(raw: [u8; 16]) -> SelEntry {
    let [i0, i1, record_type, ref rest @ ..] = raw;
    let [t0, t1, t2, t3, g0, g1, revision, sensor_type, sensor_number, event, d1, d2, d3] = *rest;
    let time = SelTime(u32::from_le_bytes([t0, t1, t2, t3]));
    let body = match record_type {
        0xe0.. => SelBody::Oem { data: *rest },
        0xc0.. => SelBody::OemTimestamped {
            time,
            manufacturer: u32::from_le_bytes([g0, g1, revision, 0]),
            data: [sensor_type, sensor_number, event, d1, d2, d3],
        },
        _ => SelBody::Event(SystemEvent {
            time,
            generator: u16::from_le_bytes([g0, g1]),
            revision,
            sensor_type: SensorType(sensor_type),
            sensor_number,
            event_type: EventType(event & 0x7f),
            deassertion: event & 0x80 != 0,
            data: [d1, d2, d3],
        }),
    };
    SelEntry { raw, record_id: u16::from_le_bytes([i0, i1]), record_type, body, sensor: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event() {
        // ipmitool -v sel list: Temperature, sensor 0xe1, Threshold, Deassertion Event, 595356, Upper Critical going high.
        let raw = [0x03, 0, 0x02, 0xb6, 0x26, 0x5b, 0x69, 0x20, 0, 0x04, 0x01, 0xe1, 0x81, 0x59, 0x53, 0x56];
        let entry = decode(raw);
        assert_eq!((entry.record_id, entry.record_type), (3, 2));
        let SelBody::Event(event) = entry.body else { panic!("an event") };
        assert_eq!((event.sensor_type, event.sensor_number), (SensorType(1), 0xe1));
        assert_eq!((event.event_type, event.deassertion), (EventType::THRESHOLD, true));
        assert_eq!((event.generator, event.revision, event.time), (0x0020, 4, SelTime(0x695b_26b6)));
        assert_eq!(event.data, [0x59, 0x53, 0x56]);
    }

    #[test]
    fn manufacturers_records() {
        let raw = |record_type| [7, 0, record_type, 0, 0, 0, 0x69, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        for record_type in 0xc0..=0xdf {
            let SelBody::OemTimestamped { time, manufacturer, data } = decode(raw(record_type)).body else {
                panic!("{record_type:#x} has a stamp");
            };
            assert_eq!((time, manufacturer), (SelTime(0x6900_0000), 0x03_02_01));
            assert_eq!(data, [4, 5, 6, 7, 8, 9]);
        }
        for record_type in 0xe0..=0xff {
            let SelBody::Oem { data } = decode(raw(record_type)).body else {
                panic!("{record_type:#x} has none");
            };
            assert_eq!(data, [0, 0, 0, 0x69, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
        for record_type in 0..0xc0 {
            assert!(matches!(decode(raw(record_type)).body, SelBody::Event(_)));
        }
    }
}
