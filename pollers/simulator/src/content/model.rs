//! A model of BMC: everything that all BMCs of one make-up share. One copy serves thousands of them.

use super::{
    sdr,
    sensor::{
        Analog, Conversion, Discrete, Format, Kind, Presence, SENSOR_SPECIFIC, Sensor, Thresholds, unit_code,
    },
};

/// What all BMCs of one make-up share.
#[derive(Debug)]
pub struct Model {
    /// Name on the command line.
    pub name: &'static str,
    /// One line for a person.
    pub description: &'static str,
    /// Product name in the FRU.
    pub product: &'static str,
    /// Sensors, in the repository's order.
    pub sensors: Vec<Sensor>,
    /// The SDR repository, in order.
    pub records: Vec<Vec<u8>>,
    /// Session slots.
    pub slots: usize,
    /// Longest part of a record that one Get SDR gives; more is refused with 0xCA.
    pub longest_sdr_read: u8,
    /// Product id in Get Device ID.
    pub product_id: u16,
    /// Firmware revision, major and minor (BCD).
    pub firmware: (u8, u8),
    /// How many records the event log holds.
    pub sel_capacity: u16,
}

impl Model {
    /// The sensor with this number, and where it stands.
    pub fn sensor(&self, number: u8) -> Option<&Sensor> {
        self.sensors.iter().find(|sensor| sensor.number == number)
    }

    /// Record id of the record at this place; ids are spread as after years of edits, so that clients do not count.
    pub fn record_id(place: usize) -> u16 {
        u16::try_from(place).unwrap_or(u16::MAX).wrapping_mul(3).wrapping_add(1)
    }
}

/// The limits of an analog sensor, as values: lower non-critical, critical, non-recoverable, upper non-critical,
/// critical, non-recoverable.
pub(super) type Limits = [Option<f64>; 6];

/// What the sensors of one kind have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) sensor_type: u8,
    pub(super) unit: u8,
    pub(super) percentage: bool,
    pub(super) conversion: Conversion,
    pub(super) hysteresis: u8,
    pub(super) needs_power: bool,
}

const LINEAR: Conversion =
    Conversion { format: Format::Unsigned, m: 1, b: 0, b_exponent: 0, result_exponent: 0, linearization: 0 };

/// Shapes of analog sensors.
pub(super) mod shape {
    use super::{super::sensor::sensor_type, Conversion, Format, LINEAR, Shape, unit_code};

    const fn shape(sensor_type: u8, unit: u8, conversion: Conversion) -> Shape {
        Shape { sensor_type, unit, percentage: false, conversion, hysteresis: 2, needs_power: true }
    }

    /// Degrees C, -128 to 127, two's complement; reads without system power.
    pub(in super::super) const AMBIENT: Shape = Shape {
        needs_power: false,
        ..shape(
            sensor_type::TEMPERATURE,
            unit_code::DEGREES_C,
            Conversion { format: Format::Signed, ..LINEAR },
        )
    };
    /// Degrees C, -128 to 127, by an offset in B.
    pub(in super::super) const SILICON: Shape =
        shape(sensor_type::TEMPERATURE, unit_code::DEGREES_C, Conversion { b: -128, ..LINEAR });
    /// 75 RPM a step.
    pub(in super::super) const FAN: Shape =
        shape(sensor_type::FAN, unit_code::RPM, Conversion { m: 75, ..LINEAR });
    /// 0.063 V a step.
    pub(in super::super) const VOLT_12: Shape =
        shape(sensor_type::VOLTAGE, unit_code::VOLTS, Conversion { m: 63, result_exponent: -3, ..LINEAR });
    /// 0.026 V a step.
    pub(in super::super) const VOLT_5: Shape =
        shape(sensor_type::VOLTAGE, unit_code::VOLTS, Conversion { m: 26, result_exponent: -3, ..LINEAR });
    /// 0.017 V a step; stand-by, reads without system power.
    pub(in super::super) const VOLT_3: Shape = Shape {
        needs_power: false,
        ..shape(sensor_type::VOLTAGE, unit_code::VOLTS, Conversion { m: 17, result_exponent: -3, ..LINEAR })
    };
    /// 0.0075 V a step from 0.4 V on, both by exponents: 75 x + 40 * 10^2, at 10^-4.
    pub(in super::super) const VOLT_CORE: Shape = shape(
        sensor_type::VOLTAGE,
        unit_code::VOLTS,
        Conversion { m: 75, b: 40, b_exponent: 2, result_exponent: -4, ..LINEAR },
    );
    /// 0.1 A a step.
    pub(in super::super) const CURRENT: Shape =
        shape(sensor_type::CURRENT, unit_code::AMPS, Conversion { result_exponent: -1, ..LINEAR });
    /// 4 W a step.
    pub(in super::super) const POWER: Shape = Shape {
        needs_power: false,
        ..shape(sensor_type::POWER_SUPPLY, unit_code::WATTS, Conversion { m: 4, ..LINEAR })
    };
    /// Watts by the square of 0.235 a step: fine steps at the low end, up to 3.5 kW in one byte.
    pub(in super::super) const POWER_SQUARE: Shape = Shape {
        needs_power: false,
        ..shape(
            sensor_type::OTHER_UNITS,
            unit_code::WATTS,
            Conversion { m: 235, result_exponent: -3, linearization: 8, ..LINEAR },
        )
    };
    /// Cubic feet a minute.
    pub(in super::super) const AIRFLOW: Shape =
        shape(sensor_type::OTHER_UNITS, unit_code::CFM, Conversion { result_exponent: -1, m: 8, ..LINEAR });
    /// Percent.
    pub(in super::super) const LOAD: Shape =
        Shape { percentage: true, ..shape(sensor_type::PROCESSOR, 0, LINEAR) };
}

/// Builds a model sensor by sensor; numbers count up.
#[derive(Debug)]
pub(super) struct Builder {
    model: Model,
    next: u8,
    frus: Vec<(u8, (u8, u8), String)>,
}

impl Builder {
    pub(super) fn new(name: &'static str, description: &'static str, product: &'static str) -> Self {
        let model = Model {
            name,
            description,
            product,
            sensors: Vec::new(),
            records: Vec::new(),
            slots: 4,
            longest_sdr_read: 32,
            product_id: 0x0100,
            firmware: (1, 0x00),
            sel_capacity: 512,
        };
        Self { model, next: 1, frus: vec![(0, (0x07, 1), "Mainboard FRU".to_owned())] }
    }

    /// Session slots, longest SDR read, product id and firmware.
    pub(super) fn device(
        mut self,
        slots: usize,
        longest_sdr_read: u8,
        product_id: u16,
        firmware: (u8, u8),
    ) -> Self {
        self.model.slots = slots;
        self.model.longest_sdr_read = longest_sdr_read;
        self.model.product_id = product_id;
        self.model.firmware = firmware;
        self
    }

    /// An analog sensor: its usual value, how far it moves, and its limits.
    pub(super) fn analog(
        mut self,
        name: impl Into<String>,
        entity: (u8, u8),
        shape: Shape,
        usual: f64,
        swing: f64,
        limits: Limits,
    ) -> Self {
        let conversion = shape.conversion;
        let center = conversion.signed(conversion.raw(usual));
        let swing = conversion.signed(conversion.raw(usual + swing)).saturating_sub(center);
        let thresholds = Thresholds { raw: limits.map(|limit| limit.map(|value| conversion.raw(value))) };
        let kind = Kind::Analog(Analog {
            unit: shape.unit,
            percentage: shape.percentage,
            conversion,
            thresholds,
            hysteresis: shape.hysteresis,
            center,
            swing,
        });
        self.push(Sensor {
            number: 0,
            name: name.into(),
            entity,
            sensor_type: shape.sensor_type,
            kind,
            needs_power: shape.needs_power,
            presence: Presence::Present,
        });
        self
    }

    /// A sensor with states of its own type.
    pub(super) fn discrete(
        self,
        name: impl Into<String>,
        entity: (u8, u8),
        sensor_type: u8,
        states: u16,
        normal: u16,
        fault: Option<u16>,
    ) -> Self {
        self.generic(name, entity, sensor_type, SENSOR_SPECIFIC, states, normal, fault)
    }

    /// A sensor with states of a generic event/reading type.
    #[expect(clippy::too_many_arguments, reason = "a row of a table")]
    pub(super) fn generic(
        mut self,
        name: impl Into<String>,
        entity: (u8, u8),
        sensor_type: u8,
        event_type: u8,
        states: u16,
        normal: u16,
        fault: Option<u16>,
    ) -> Self {
        let kind = Kind::Discrete(Discrete { event_type, states, normal, fault, full_record: false });
        self.push(Sensor {
            number: 0,
            name: name.into(),
            entity,
            sensor_type,
            kind,
            needs_power: false,
            presence: Presence::Present,
        });
        self
    }

    /// Changes the sensor that came last.
    pub(super) fn last(mut self, change: impl FnOnce(&mut Sensor)) -> Self {
        if let Some(sensor) = self.model.sensors.last_mut() {
            change(sensor);
        }
        self
    }

    /// The last sensor's slot is empty.
    pub(super) fn absent(self, presence: Presence) -> Self {
        self.last(|sensor| sensor.presence = presence)
    }

    /// The last sensor, with states, has a full record.
    pub(super) fn in_full_record(self) -> Self {
        self.last(|sensor| {
            if let Kind::Discrete(discrete) = &mut sensor.kind {
                discrete.full_record = true;
            }
        })
    }

    /// As many sensors as the range has numbers.
    pub(super) fn each(self, numbers: std::ops::RangeInclusive<u8>, add: impl Fn(Self, u8) -> Self) -> Self {
        numbers.fold(self, add)
    }

    pub(super) fn build(mut self) -> Model {
        let mut records = vec![sdr::controller_locator(Model::record_id(0), "BMC")];
        for (fru, entity, name) in &self.frus {
            records.push(sdr::fru_locator(Model::record_id(records.len()), *fru, *entity, name));
        }
        for sensor in &self.model.sensors {
            records.push(sdr::sensor_record(Model::record_id(records.len()), sensor));
        }
        self.model.records = records;
        self.model
    }

    fn push(&mut self, mut sensor: Sensor) {
        debug_assert!(sensor.name.len() <= sdr::MAX_NAME, "{}", sensor.name);
        sensor.number = self.next;
        // 0xff is no sensor; no model comes near.
        self.next = self.next.saturating_add(1);
        self.model.sensors.push(sensor);
    }
}
