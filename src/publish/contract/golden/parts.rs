//! Parts, a controller and its power, for golden messages.

use rackpoll_model::{
    Controller, FruBoard, FruChassis, FruDcLoad, FruDcOutput, FruDevice, FruInventory, FruPart,
    FruPowerSupply, FruProduct, FruRecord, FruState, PowerReading, SelTime, SelfTest,
};

fn text(text: &str) -> String {
    text.to_owned()
}

/// A server's own inventory, a power supply with records, a part that is not there and one that was not asked.
pub(super) fn devices() -> Vec<FruDevice> {
    let device = |id, name, state| FruDevice { id, name: text(name), state };
    vec![
        device(0, "Builtin FRU Device", FruState::Read(Box::new(server()))),
        device(1, "PS1", FruState::Read(Box::new(power_supply()))),
        device(9, "Riser", FruState::Absent(0xcb)),
        device(5, "Node", FruState::NotAsked),
    ]
}

fn server() -> FruInventory {
    FruInventory {
        chassis: Some(FruChassis {
            kind: 0x17,
            part_number: text("CH-1"),
            serial: text("  0001  "),
            extra: Vec::new(),
        }),
        board: Some(FruBoard {
            made: 10_286_791,
            manufacturer: text("Maker"),
            product: text("Board"),
            part_number: text("B-1"),
            file_id: text("not printed"),
            extra: vec![text("one"), text("two")],
            ..FruBoard::default()
        }),
        product: Some(FruProduct {
            manufacturer: text("Maker"),
            name: text("Server"),
            version: text("A00"),
            extra: vec![text("only")],
            ..FruProduct::default()
        }),
        records: Vec::new(),
        wrong_checksums: vec![FruPart::Board],
        unreadable: vec![FruPart::Record],
    }
}

fn power_supply() -> FruInventory {
    let supply = FruPowerSupply {
        capacity: 750,
        peak_va: 800,
        inrush_current: 20,
        inrush_interval: 100,
        input_voltage_1: (9_000, 13_200),
        input_voltage_2: (18_000, 26_400),
        input_frequency: (47, 63),
        dropout_tolerance: 20,
        flags: 0x09,
        peak_capacity: (900, 5),
        combined: (0, 3, 500),
        fan_threshold: 2,
    };
    let output = FruDcOutput {
        number: 1,
        standby: true,
        nominal: 1_200,
        negative_deviation: -60,
        positive_deviation: 60,
        ripple: 120,
        minimum_current: 100,
        maximum_current: 60_000,
    };
    let load = FruDcLoad {
        number: 1,
        nominal: 500,
        minimum_voltage: 475,
        maximum_voltage: 525,
        ripple: 50,
        minimum_current: 0,
        maximum_current: 3_000,
    };
    FruInventory {
        records: vec![
            FruRecord::PowerSupply(supply),
            FruRecord::DcOutput(output),
            FruRecord::DcLoad(load),
            FruRecord::Other { kind: 0xc0, data: vec![0xa2, 0x02, 0x00, 0x07] },
        ],
        ..FruInventory::default()
    }
}

pub(super) fn controller() -> Controller {
    Controller {
        device: 32,
        revision: 1,
        device_sdrs: false,
        firmware: (2, 0x1e),
        available: true,
        ipmi_version: 0x02,
        support: 0xdf,
        manufacturer: 674,
        product: 256,
        auxiliary: Some([0, 0x0a, 0x28, 0x1e]),
        self_test: Some(SelfTest::Corrupted(0x08)),
        guid: Some([
            0x2b, 0x7c, 0x82, 0x27, 0x34, 0x99, 0xcf, 0x7c, 0xd0, 0x59, 0xa2, 0xae, 0x15, 0xe6, 0xbe, 0x27,
        ]),
    }
}

pub(super) fn power_reading() -> PowerReading {
    PowerReading {
        current: 220,
        minimum: 10,
        maximum: 301,
        average: 199,
        time: SelTime(0x695b_26b6),
        period: 1_000,
        active: true,
    }
}
