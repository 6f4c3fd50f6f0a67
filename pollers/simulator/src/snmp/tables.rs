//! Objects of the MIBs that the simulated agents have: SNMPv2-MIB, IF-MIB (RFC 2863), HOST-RESOURCES-MIB (RFC 2790),
//! ENTITY-MIB and ENTITY-SENSOR-MIB (RFC 6933, RFC 3433), and outlets.

use super::{
    ber::Value,
    tree::{Flow, Object, Tree},
};

const MIB_2: [u32; 6] = [1, 3, 6, 1, 2, 1];
/// `pduOutEntry` of the HAWK-I2 monitors by Sinetica: RackHD's PDU poller reads it.
const OUTLET_ENTRY: [u32; 14] = [1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 2, 3, 1];

/// Octets that stand for one of each: frames are 700 bytes on average, the others are rare.
const OCTETS: f64 = 1.0;
const UNICAST: f64 = 700.0;
const MULTICAST: f64 = 7e5;
const BROADCAST: f64 = 2e6;
const DISCARDS: f64 = 4e8;
const ERRORS: f64 = 9e8;

/// The ports of a switch.
pub(super) struct Ports {
    pub(super) copper: u32,
    pub(super) fast: u32,
    /// What their names begin with.
    pub(super) stem: &'static str,
    pub(super) copper_megabits: u32,
    pub(super) fast_megabits: u32,
}

#[derive(Default)]
pub(super) struct Builder {
    objects: Vec<(Vec<u32>, Object)>,
}

impl Builder {
    /// The group of the same name. The services are the sum of RFC 3418.
    pub(super) fn system(mut self, description: &str, product: &[u32], services: i32) -> Self {
        let system =
            [Object::Fixed(text(description)), Object::Fixed(Value::Oid(product.to_vec())), Object::Uptime];
        let place = [
            Object::Fixed(text("Operations <noc@example.com>")),
            Object::Name,
            Object::Fixed(text("Row 4, rack 12")),
            Object::Fixed(Value::Integer(services)),
        ];
        for (column, object) in (1..).zip(system.into_iter().chain(place)) {
            self.put(&[1, column, 0], object);
        }
        self
    }

    /// ifNumber, ifTable and ifXTable.
    pub(super) fn interfaces(mut self, ports: &Ports) -> Self {
        let count = ports.copper.saturating_add(ports.fast);
        self.put(&[2, 1, 0], Object::Fixed(Value::Integer(count as i32)));
        for port in 1..=count {
            let megabits = if port <= ports.copper { ports.copper_megabits } else { ports.fast_megabits };
            self.interface(ports.stem, port, megabits, port == count);
        }
        self
    }

    /// Processor load, memory and a disk.
    pub(super) fn host_resources(mut self, processors: u32, kilobytes: i32) -> Self {
        let storage_types = [25, 2, 1];
        for (row, kind, name, size) in
            [(1, 2, "RAM", kilobytes), (2, 3, "Virtual memory", kilobytes), (3, 4, "/flash", 2_097_152)]
        {
            let kind = under(&[&storage_types[..], &[kind]].concat());
            let used = Object::Sensor { center: size / 3, swing: size / 20 };
            let cells = [
                Object::Fixed(Value::Integer(row)),
                Object::Fixed(Value::Oid(kind)),
                Object::Fixed(text(name)),
                Object::Fixed(Value::Integer(1024)),
                Object::Fixed(Value::Integer(size)),
                used,
            ];
            for (column, object) in (1..).zip(cells) {
                self.put(&[25, 2, 3, 1, column, row as u32], object);
            }
        }
        for processor in 1..=processors {
            // hrDeviceIndex of processors usually begins where the operating system left it.
            let device = processor.saturating_add(196_607);
            let cells = [
                Object::Fixed(Value::Integer(device as i32)),
                Object::Fixed(Value::Oid(under(&[25, 3, 1, 3]))),
                Object::Fixed(text(&format!("Control plane processor {processor}"))),
            ];
            for (column, object) in (1..).zip(cells) {
                self.put(&[25, 3, 2, 1, column, device], object);
            }
            self.put(&[25, 3, 3, 1, 2, device], Object::Sensor { center: 22, swing: 18 });
        }
        self
    }

    /// A name in entPhysicalTable and a row of entPhySensorTable each.
    pub(super) fn entity_sensors(mut self, sensors: &[(&str, i32, i32, i32)]) -> Self {
        for (entity, (name, kind, center, swing)) in (1_001..).zip(sensors) {
            self.put(&[47, 1, 1, 1, 1, 2, entity], Object::Fixed(text(name)));
            // entPhysicalClass: sensor.
            self.put(&[47, 1, 1, 1, 1, 5, entity], Object::Fixed(Value::Integer(8)));
            self.put(&[47, 1, 1, 1, 1, 7, entity], Object::Fixed(text(name)));
            let cells = [
                Object::Fixed(Value::Integer(*kind)),
                // Scale: units.
                Object::Fixed(Value::Integer(9)),
                Object::Fixed(Value::Integer(0)),
                Object::Sensor { center: *center, swing: *swing },
                // Status: ok.
                Object::Fixed(Value::Integer(1)),
            ];
            for (column, object) in (1..).zip(cells) {
                self.put(&[99, 1, 1, 1, column, entity], object);
            }
        }
        self
    }

    /// Outlets of unit 1: number of the unit, of the outlet, name, and whether it is on.
    pub(super) fn outlets(mut self, count: u32) -> Self {
        for outlet in 1..=count {
            let on = if outlet % 8 == 0 { 2 } else { 1 };
            let cells = [
                (1, Value::Gauge32(1)),
                (2, Value::Gauge32(outlet)),
                (3, text(&format!("Outlet {outlet}"))),
                (5, Value::Integer(on)),
            ];
            for (column, value) in cells {
                let name = [&OUTLET_ENTRY[..], &[column, 1, outlet]].concat();
                self.objects.push((name, Object::Fixed(value)));
            }
        }
        self
    }

    pub(super) fn build(self) -> Tree {
        Tree::new(self.objects)
    }

    fn interface(&mut self, stem: &str, port: u32, megabits: u32, last: bool) {
        // Every ninth port is switched off, every eleventh has no cable.
        let (admin, oper) = match (port % 9, port % 11) {
            (0, _) => (2, 2),
            (_, 0) => (1, 2),
            _ => (1, 1),
        };
        let octets = if oper == 1 { f64::from(megabits) * 125_000.0 * 0.12 } else { 0.0 };
        // One port counts beyond 2^63, as some do in the field; the others are past 2^32 or not.
        let start = if last { 1 << 63 } else { u64::from(port).wrapping_mul(977_777_777) };
        let flow = |direction: u32, divisor: f64| Flow {
            source: port << 1 | direction,
            rate: octets / divisor,
            start: (start as f64 / divisor) as u64,
        };
        let narrow = |direction, divisor| Object::Counter32(flow(direction, divisor));
        let wide = |direction, divisor| Object::Counter64(flow(direction, divisor));
        let fixed = |value| Object::Fixed(Value::Integer(value));
        let gauge = |value| Object::Fixed(Value::Gauge32(value));
        let name = format!("{stem}{port}");
        let speed = megabits.saturating_mul(1_000_000);
        let table: [Object; 22] = [
            fixed(port as i32),
            Object::Fixed(text(&name)),
            // ethernetCsmacd.
            fixed(6),
            fixed(9_216),
            // 4,294,967,295 means "see ifHighSpeed" (RFC 2863).
            gauge(if megabits > 4_294 { u32::MAX } else { speed }),
            Object::Address(port as u8),
            fixed(admin),
            fixed(oper),
            Object::Fixed(Value::TimeTicks(1_200 * port)),
            narrow(0, OCTETS),
            narrow(0, UNICAST),
            narrow(0, MULTICAST),
            narrow(0, DISCARDS),
            narrow(0, ERRORS),
            Object::Fixed(Value::Counter32(0)),
            narrow(1, OCTETS),
            narrow(1, UNICAST),
            narrow(1, MULTICAST),
            narrow(1, DISCARDS),
            narrow(1, ERRORS),
            gauge(0),
            Object::Fixed(Value::Oid(vec![0, 0])),
        ];
        for (column, object) in (1..).zip(table) {
            self.put(&[2, 2, 1, column, port], object);
        }
        let extension: [Object; 19] = [
            Object::Fixed(text(&name)),
            narrow(0, MULTICAST),
            narrow(0, BROADCAST),
            narrow(1, MULTICAST),
            narrow(1, BROADCAST),
            wide(0, OCTETS),
            wide(0, UNICAST),
            wide(0, MULTICAST),
            wide(0, BROADCAST),
            wide(1, OCTETS),
            wide(1, UNICAST),
            wide(1, MULTICAST),
            wide(1, BROADCAST),
            fixed(1),
            gauge(megabits),
            fixed(2),
            fixed(1),
            Object::Fixed(text(&format!("server {port:02}, port A"))),
            Object::Fixed(Value::TimeTicks(0)),
        ];
        for (column, object) in (1..).zip(extension) {
            self.put(&[31, 1, 1, 1, column, port], object);
        }
    }

    /// Under MIB-2.
    fn put(&mut self, name: &[u32], object: Object) {
        self.objects.push((under(name), object));
    }
}

fn under(name: &[u32]) -> Vec<u32> {
    [&MIB_2[..], name].concat()
}

fn text(text: &str) -> Value {
    Value::Octets(text.as_bytes().to_vec())
}
