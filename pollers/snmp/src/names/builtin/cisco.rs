//! What switches of Cisco's have of their own: processors and their memory (CISCO-PROCESS-MIB), memory pools
//! (CISCO-MEMORY-POOL-MIB) and sensors (CISCO-ENTITY-SENSOR-MIB, the model of RFC 3433's table).

use super::{Group, Module, Syntax::*, TRUTH};

pub(super) const CISCO_PROCESS_MIB: Module = Module {
    name: "CISCO-PROCESS-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9], objects: &[(109, "ciscoProcessMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 109], objects: &[(1, "ciscoProcessMIBObjects", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 109, 1], objects: &[(1, "cpmCPU", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 109, 1, 1], objects: &[(1, "cpmCPUTotalTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 109, 1, 1, 1], objects: &[(1, "cpmCPUTotalEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 109, 1, 1, 1, 1],
            objects: &[
                (1, "cpmCPUTotalIndex", Unsigned),
                (2, "cpmCPUTotalPhysicalIndex", Integer),
                (3, "cpmCPUTotal5sec", Units("percent")),
                (4, "cpmCPUTotal1min", Units("percent")),
                (5, "cpmCPUTotal5min", Units("percent")),
                (6, "cpmCPUTotal5secRev", Units("percent")),
                (7, "cpmCPUTotal1minRev", Units("percent")),
                (8, "cpmCPUTotal5minRev", Units("percent")),
                (9, "cpmCPUMonInterval", Units("seconds")),
                (10, "cpmCPUTotalMonIntervalValue", Units("percent")),
                (11, "cpmCPUInterruptMonIntervalValue", Units("percent")),
                (12, "cpmCPUMemoryUsed", Units("kilo-bytes")),
                (13, "cpmCPUMemoryFree", Units("kilo-bytes")),
                (14, "cpmCPUMemoryKernelReserved", Units("kilo-bytes")),
                (15, "cpmCPUMemoryLowest", Units("kilo-bytes")),
                (16, "cpmCPUMemoryUsedOvrflw", Units("kilo-bytes")),
                (17, "cpmCPUMemoryHCUsed", Units("kilo-bytes")),
                (18, "cpmCPUMemoryFreeOvrflw", Units("kilo-bytes")),
                (19, "cpmCPUMemoryHCFree", Units("kilo-bytes")),
            ],
        },
    ],
};

pub(super) const CISCO_MEMORY_POOL_MIB: Module = Module {
    name: "CISCO-MEMORY-POOL-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9], objects: &[(48, "ciscoMemoryPoolMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 48], objects: &[(1, "ciscoMemoryPoolObjects", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 48, 1], objects: &[(1, "ciscoMemoryPoolTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 48, 1, 1], objects: &[(1, "ciscoMemoryPoolEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 48, 1, 1, 1],
            objects: &[
                (1, "ciscoMemoryPoolType", Integer),
                (2, "ciscoMemoryPoolName", Text),
                (3, "ciscoMemoryPoolAlternate", Integer),
                (4, "ciscoMemoryPoolValid", TRUTH),
                (5, "ciscoMemoryPoolUsed", Units("bytes")),
                (6, "ciscoMemoryPoolFree", Units("bytes")),
                (7, "ciscoMemoryPoolLargestFree", Units("bytes")),
            ],
        },
    ],
};

pub(super) const CISCO_ENTITY_SENSOR_MIB: Module = Module {
    name: "CISCO-ENTITY-SENSOR-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9], objects: &[(91, "ciscoEntitySensorMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 91], objects: &[(1, "entitySensorMIBObjects", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 91, 1], objects: &[(1, "entSensorValues", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1], objects: &[(1, "entSensorValueTable", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1, 1],
            objects: &[(1, "entSensorValueEntry", Node)],
        },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1, 1, 1],
            objects: &[
                (
                    1,
                    "entSensorType",
                    Words(
                        "other=1 unknown=2 voltsAC=3 voltsDC=4 amperes=5 watts=6 hertz=7 celsius=8 percentRH=9 rpm=10 \
                        cmm=11 truthvalue=12 specialEnum=13 dBm=14",
                    ),
                ),
                (
                    2,
                    "entSensorScale",
                    Words(
                        "yocto=1 zepto=2 atto=3 femto=4 pico=5 nano=6 micro=7 milli=8 units=9 kilo=10 mega=11 giga=12 \
                        tera=13 exa=14 peta=15 zetta=16 yotta=17",
                    ),
                ),
                (3, "entSensorPrecision", Integer),
                (4, "entSensorValue", Integer),
                (5, "entSensorStatus", Words("ok=1 unavailable=2 nonoperational=3")),
                (6, "entSensorValueTimeStamp", TimeTicks),
                (7, "entSensorValueUpdateRate", Units("seconds")),
                (8, "entSensorMeasuredEntity", Integer),
            ],
        },
    ],
};
