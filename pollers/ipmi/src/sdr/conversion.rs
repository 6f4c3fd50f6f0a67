use crate::command::get_sensor_reading_factors::Factors;

/// How a raw byte is a number (IPMI 2.0 table 43-1, byte 21 bits 7:6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 0 to 255.
    Unsigned,
    /// One's complement: there are two zeros, 0x00 and 0xFF.
    OnesComplement,
    /// Two's complement.
    TwosComplement,
}

impl Format {
    /// None: the sensor has no analog readings (11b).
    pub(super) fn new(units: u8) -> Option<Self> {
        match units >> 6 {
            0 => Some(Self::Unsigned),
            1 => Some(Self::OnesComplement),
            2 => Some(Self::TwosComplement),
            _ => None,
        }
    }

    /// The byte's number.
    pub fn number(self, raw: u8) -> i16 {
        match self {
            Self::Unsigned => i16::from(raw),
            Self::OnesComplement if raw & 0x80 != 0 => i16::from(raw.wrapping_add(1) as i8),
            Self::OnesComplement | Self::TwosComplement => i16::from(raw as i8),
        }
    }

    /// The lowest and the highest raw byte.
    pub(super) fn ends(self) -> (u8, u8) {
        match self {
            Self::Unsigned => (0x00, 0xff),
            // 80h is -127 and 7Fh is 127; records write the ends as the two zeros, FFh and 00h, and mean "open".
            Self::OnesComplement => (0xff, 0x00),
            Self::TwosComplement => (0x80, 0x7f),
        }
    }
}

/// The function L of the conversion (table 43-1, byte 24).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linearisation {
    /// L(x) = x; codes that are not specified count as this, as other programs have it.
    Linear,
    /// Natural logarithm.
    Ln,
    /// Logarithm to the base 10.
    Log10,
    /// Logarithm to the base 2.
    Log2,
    /// e to the power of x.
    Exp,
    /// 10 to the power of x.
    Exp10,
    /// 2 to the power of x.
    Exp2,
    /// 1 / x.
    Inverse,
    /// x squared.
    Square,
    /// x cubed.
    Cube,
    /// Square root.
    SquareRoot,
    /// Cube root.
    CubeRoot,
    /// The factors are asked for each reading (Get Sensor Reading Factors), and the result is linear.
    NonLinear,
}

impl Linearisation {
    pub(super) fn new(code: u8) -> Self {
        match code & 0x7f {
            0x01 => Self::Ln,
            0x02 => Self::Log10,
            0x03 => Self::Log2,
            0x04 => Self::Exp,
            0x05 => Self::Exp10,
            0x06 => Self::Exp2,
            0x07 => Self::Inverse,
            0x08 => Self::Square,
            0x09 => Self::Cube,
            0x0a => Self::SquareRoot,
            0x0b => Self::CubeRoot,
            0x70..=0x7f => Self::NonLinear,
            _ => Self::Linear,
        }
    }

    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Linear | Self::NonLinear => x,
            Self::Ln => x.ln(),
            Self::Log10 => x.log10(),
            Self::Log2 => x.log2(),
            Self::Exp => x.exp(),
            Self::Exp10 => 10f64.powf(x),
            Self::Exp2 => x.exp2(),
            Self::Inverse => 1.0 / x,
            Self::Square => x * x,
            Self::Cube => x * x * x,
            Self::SquareRoot => x.sqrt(),
            Self::CubeRoot => x.cbrt(),
        }
    }
}

/// From a raw byte to a value: `y = L[(M x + B 10^K1) 10^K2]` (clause 36.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// How the byte is a number.
    pub format: Format,
    /// L.
    pub linearisation: Linearisation,
    factors: Factors,
}

impl Conversion {
    /// `factors` are bytes 25 to 30 of a full record.
    pub fn new(format: Format, linearisation: Linearisation, factors: Factors) -> Self {
        Self { format, linearisation, factors }
    }

    /// With the factors that hold at one reading.
    pub(super) fn with_factors(self, factors: Factors) -> Self {
        Self { factors, ..self }
    }

    /// The value in the sensor's unit; not finite where L has none, as the logarithm of 0.
    pub fn value(&self, raw: u8) -> f64 {
        let x = f64::from(i32::from(self.m()) * i32::from(self.format.number(raw)));
        let b = f64::from(self.b()) * power_of_ten(self.exponents());
        self.linearisation.apply((x + b) * power_of_ten(self.exponents() >> 4))
    }

    /// A hysteresis: a distance, so B has no part in it (clause 36.4).
    pub fn hysteresis(&self, raw: u8) -> f64 {
        let x = f64::from(i32::from(self.m()) * i32::from(self.format.number(raw)));
        self.linearisation.apply(x * power_of_ten(self.exponents() >> 4))
    }

    /// How far a reading may be from the truth to either side, in the sensor's unit: the record gives it in half raw
    /// counts. None where a count is not worth the same everywhere.
    pub fn tolerance(&self) -> Option<f64> {
        let [_, m_tolerance, ..] = self.factors;
        let half_counts = f64::from(m_tolerance & 0x3f) / 2.0;
        let linear = matches!(self.linearisation, Linearisation::Linear | Linearisation::NonLinear);
        linear.then(|| (f64::from(self.m()) * half_counts * power_of_ten(self.exponents() >> 4)).abs())
    }

    /// Percentage of the reading that it may be off besides: hundredths of a percent with an exponent.
    pub fn accuracy(&self) -> f64 {
        let [_, _, _, b_accuracy, accuracy, _] = self.factors;
        // Bits 9:6 of the ten are bits 7:4 of the fifth byte; its bits 3:2 are the exponent.
        let hundredths = u16::from(b_accuracy & 0x3f) | u16::from(accuracy >> 4) << 6;
        f64::from(hundredths) * power_of_ten(accuracy >> 2 & 0x03) / 100.0
    }

    /// M, ten bits.
    fn m(&self) -> i16 {
        let [low, high, ..] = self.factors;
        ten_bits(low, high)
    }

    /// B, ten bits.
    fn b(&self) -> i16 {
        let [_, _, low, high, ..] = self.factors;
        ten_bits(low, high)
    }

    /// K2 in bits 7:4, K1 in bits 3:0.
    fn exponents(&self) -> u8 {
        let [.., exponents] = self.factors;
        exponents
    }
}

/// Ten bits in two's complement: eight, and the upper two at the top of the next byte.
fn ten_bits(low: u8, high: u8) -> i16 {
    // Shifted to the top and back, which keeps the sign.
    (i16::from_be_bytes([high & 0xc0, 0]) | i16::from(low) << 6) >> 6
}

/// 10 to the power of the lower four bits in two's complement. Written out, because products of powers of 0.1 are not
/// the nearest numbers.
fn power_of_ten(exponent: u8) -> f64 {
    match exponent & 0x0f {
        0x0 => 1e0,
        0x1 => 1e1,
        0x2 => 1e2,
        0x3 => 1e3,
        0x4 => 1e4,
        0x5 => 1e5,
        0x6 => 1e6,
        0x7 => 1e7,
        0x8 => 1e-8,
        0x9 => 1e-7,
        0xa => 1e-6,
        0xb => 1e-5,
        0xc => 1e-4,
        0xd => 1e-3,
        0xe => 1e-2,
        _ => 1e-1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M, B, K1, K2 as a record has them; tolerance 0, accuracy 0.
    fn factors(m: i16, b: i16, k1: i8, k2: i8) -> Factors {
        let ([m0, m1], [b0, b1]) = (m.to_le_bytes(), b.to_le_bytes());
        [m0, m1 << 6, b0, b1 << 6, 0, (k2 as u8) << 4 | k1 as u8 & 0x0f]
    }

    #[test]
    fn formats() {
        let numbers =
            |format: Format| [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff].map(|raw| format.number(raw));
        assert_eq!(numbers(Format::Unsigned), [0, 1, 127, 128, 129, 254, 255]);
        assert_eq!(numbers(Format::OnesComplement), [0, 1, 127, -127, -126, -1, 0]);
        assert_eq!(numbers(Format::TwosComplement), [0, 1, 127, -128, -127, -2, -1]);
        assert_eq!(Format::new(0xc0), None);
    }

    #[test]
    fn ten_bits_have_a_sign() {
        assert_eq!(ten_bits(0xff, 0xc0), -1);
        assert_eq!(ten_bits(0x00, 0x80), -512);
        assert_eq!(ten_bits(0xff, 0x7f), 511);
        assert_eq!(ten_bits(0x55, 0x40), 0x155);
        for number in -512..512i16 {
            let [m, high, ..] = factors(number, 0, 0, 0);
            assert_eq!(ten_bits(m, high), number);
        }
    }

    // Worked out by hand: (M x + B 10^K1) 10^K2 with each of the exponents.
    #[test]
    fn factors_by_hand() {
        let linear = |m, b, k1, k2, format, raw| {
            Conversion::new(format, Linearisation::Linear, factors(m, b, k1, k2)).value(raw)
        };
        // (63 * 190 + 0) * 10^-3
        assert_eq!(linear(63, 0, 0, -3, Format::Unsigned, 190), 11.97);
        // (1 * -6 + 0) * 1
        assert_eq!(linear(1, 0, 0, 0, Format::TwosComplement, 0xfa), -6.0);
        // (88 * 101 + 0) * 1
        assert_eq!(linear(88, 0, 0, 0, Format::Unsigned, 101), 8888.0);
        // (2 * 100 + 5 * 10^2) * 10^-1
        assert_eq!(linear(2, 5, 2, -1, Format::Unsigned, 100), 70.0);
        // (-4 * 3 - 512 * 10^-1) * 10^1
        assert_eq!(linear(-4, -512, -1, 1, Format::Unsigned, 3), -632.0);
        // The greatest and the smallest: (511 * 255 + 511 * 10^7) * 10^7, (1 * 1) * 10^-8
        assert_eq!(linear(511, 511, 7, 7, Format::Unsigned, 255), 51_101_303_050_000_000.0);
        assert_eq!(linear(1, 0, 0, -8, Format::Unsigned, 1), 1e-8);
    }

    // Worked out with Python's math module for x = 4.
    #[test]
    fn linearisations() {
        let value =
            |code| Conversion::new(Format::Unsigned, Linearisation::new(code), factors(1, 0, 0, 0)).value(4);
        let expected = [
            (0x00, 4.0),
            (0x01, 1.386_294_361_119_890_6),
            (0x02, 0.602_059_991_327_962_4),
            (0x03, 2.0),
            (0x04, 54.598_150_033_144_236),
            (0x05, 10_000.0),
            (0x06, 16.0),
            (0x07, 0.25),
            (0x08, 16.0),
            (0x09, 64.0),
            (0x0a, 2.0),
            (0x0b, 1.587_401_051_968_199_4),
            (0x70, 4.0),
            (0x7f, 4.0),
            // Bit 7 is reserved, the rest of the codes too.
            (0x88, 16.0),
            (0x0c, 4.0),
        ];
        for (code, value_of_four) in expected {
            assert!((value(code) - value_of_four).abs() < 1e-12, "{code:#x}: {}", value(code));
        }
        // Linearisation comes last: the square of (2 * 4 - 3) * 10^-1.
        let square = Conversion::new(Format::Unsigned, Linearisation::Square, factors(2, -3, 0, -1));
        assert_eq!(square.value(4), 0.25);
        let zero = Conversion::new(Format::Unsigned, Linearisation::Inverse, factors(1, 0, 0, 0));
        assert!(zero.value(0).is_infinite());
    }

    #[test]
    fn distances_have_no_offset() {
        // Volts of ipmi_sim's vnode: M 65, K2 -3; hysteresis 4 counts, tolerance 3 half counts.
        let mut bytes = factors(65, 100, 1, -3);
        bytes[1] |= 3;
        // Accuracy 0x155 hundredths of a percent times 10^2.
        bytes[3] |= 0x15;
        bytes[4] = 0x50 | 2 << 2;
        let volts = Conversion::new(Format::Unsigned, Linearisation::Linear, bytes);
        assert_eq!(volts.hysteresis(4), 0.26);
        assert_eq!(volts.tolerance(), Some(0.0975));
        assert_eq!(volts.accuracy(), 341.0);
        assert_eq!(volts.value(4), 1.26);
        let square = Conversion::new(Format::Unsigned, Linearisation::Square, bytes);
        assert_eq!(square.tolerance(), None);
        let falling = Conversion::new(Format::Unsigned, Linearisation::Linear, {
            let mut bytes = factors(-2, 0, 0, 0);
            bytes[1] |= 1;
            bytes
        });
        assert_eq!(falling.tolerance(), Some(1.0));
    }
}
