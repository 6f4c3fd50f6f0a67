use super::Algorithms;

/// One cipher suite of a BMC (IPMI 2.0 table 22-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CipherSuiteRecord {
    /// Standard suites have numbers of table 22-20; OEM suites 0x80 and above.
    pub id: u8,
    /// Enterprise number of an OEM suite.
    pub oem: Option<u32>,
    /// What the suite is made of. Where the BMC lists several of a kind, the first; where it lists none, 0 ("none").
    pub algorithms: Algorithms,
}

const STANDARD: u8 = 0xc0;
const OEM: u8 = 0xc1;
/// Tag bits 7:6 of an algorithm byte: 00 authentication, 01 integrity, 10 confidentiality, 11 a new record.
const TAG: u8 = 0xc0;

/// Takes the concatenated record data of Get Channel Cipher Suites apart. Bytes that begin no record are stepped
/// over, and a record that the data cut short is left out: some BMCs pad, some truncate.
pub fn decode_records(data: &[u8]) -> Vec<CipherSuiteRecord> {
    let mut records = Vec::new();
    let mut rest = data;
    while let Some((&start, after)) = rest.split_first() {
        rest = after;
        let (id, oem) = match (start, after) {
            (STANDARD, [id, after @ ..]) => {
                rest = after;
                (*id, None)
            }
            (OEM, [id, a, b, c, after @ ..]) => {
                rest = after;
                (*id, Some(u32::from_le_bytes([*a, *b, *c, 0])))
            }
            _ => continue,
        };
        let end = rest.iter().position(|byte| byte & TAG == TAG).unwrap_or(rest.len());
        let (algorithms, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = after;
        let first =
            |tag: u8| algorithms.iter().find(|byte| **byte & TAG == tag).map_or(0, |byte| byte & 0x3f);
        let algorithms =
            Algorithms { authentication: first(0x00), integrity: first(0x40), confidentiality: first(0x80) };
        records.push(CipherSuiteRecord { id, oem, algorithms });
    }
    records
}

/// Appends one record.
pub fn encode_record(out: &mut Vec<u8>, record: &CipherSuiteRecord) {
    match record.oem {
        None => out.extend_from_slice(&[STANDARD, record.id]),
        Some(enterprise) => {
            let [a, b, c, _] = enterprise.to_le_bytes();
            out.extend_from_slice(&[OEM, record.id, a, b, c]);
        }
    }
    let Algorithms { authentication, integrity, confidentiality } = record.algorithms;
    out.push(authentication & 0x3f);
    out.push(0x40 | integrity & 0x3f);
    out.push(0x80 | confidentiality & 0x3f);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u8, number: u8, oem: Option<u32>) -> CipherSuiteRecord {
        let algorithms = Algorithms { authentication: number, integrity: number, confidentiality: 1 };
        CipherSuiteRecord { id, oem, algorithms }
    }

    #[test]
    fn records_come_back() {
        let records = [record(3, 1, None), record(0x81, 2, Some(0x0102a2)), record(17, 3, None)];
        let mut data = Vec::new();
        for record in &records {
            encode_record(&mut data, record);
        }
        assert_eq!(data[..5], [0xc0, 3, 0x01, 0x41, 0x81]);
        assert_eq!(decode_records(&data), records);
    }

    #[test]
    fn padding_is_stepped_over_and_cut_records_are_left_out() {
        assert_eq!(decode_records(&[0, 0, 0xc0, 3, 0x01, 0x41, 0x81, 0xc0]), [record(3, 1, None)]);
        assert_eq!(decode_records(&[0xc1, 0x80, 1]), []);
        assert_eq!(decode_records(&[]), []);
    }

    #[test]
    fn suite_0_has_no_algorithms_at_all() {
        let none = Algorithms { authentication: 0, integrity: 0, confidentiality: 0 };
        assert_eq!(decode_records(&[0xc0, 0x00]), [CipherSuiteRecord { id: 0, oem: None, algorithms: none }]);
    }
}
