//! ENTITY-SENSOR-MIB (RFC 3433).

use super::{Group, Module, Syntax::*};

pub(super) const ENTITY_SENSOR_MIB: Module = Module {
    name: "ENTITY-SENSOR-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 2, 1], objects: &[(99, "entitySensorMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 99], objects: &[(1, "entitySensorObjects", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 99, 1], objects: &[(1, "entPhySensorTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 99, 1, 1], objects: &[(1, "entPhySensorEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 99, 1, 1, 1],
            objects: &[
                (
                    1,
                    "entPhySensorType",
                    Words(
                        "other=1 unknown=2 voltsAC=3 voltsDC=4 amperes=5 watts=6 hertz=7 celsius=8 percentRH=9 \
                        rpm=10 cmm=11 truthvalue=12",
                    ),
                ),
                (
                    2,
                    "entPhySensorScale",
                    Words(
                        "yocto=1 zepto=2 atto=3 femto=4 pico=5 nano=6 micro=7 milli=8 units=9 kilo=10 mega=11 \
                        giga=12 tera=13 exa=14 peta=15 zetta=16 yotta=17",
                    ),
                ),
                (3, "entPhySensorPrecision", Integer),
                (4, "entPhySensorValue", Integer),
                (5, "entPhySensorOperStatus", Words("ok=1 unavailable=2 nonoperational=3")),
                (6, "entPhySensorUnitsDisplay", Text),
                (7, "entPhySensorValueTimeStamp", TimeTicks),
                (8, "entPhySensorValueUpdateRate", Units("milliseconds")),
            ],
        },
    ],
};
