//! HAWK-I2-MIB: the PDU gateways of Sinetica (Panduit), as far as the PDU metrics go.

use super::{Group, Module, ROW_STATUS, Syntax::*, TRUTH};

const SEVERITIES: &str = "critical=1 warning=2 information=3 disabled=255";

pub(super) const HAWK_I2_MIB: Module = Module {
    name: "HAWK-I2-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 4, 1], objects: &[(3711, "sinetica", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711], objects: &[(24, "hawki2MIB", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 2],
            objects: &[
                (1, "ipTempScaleFlag", Words("celsius=1 fahrenheit=2 kelvin=3")),
                (2, "ipTHATable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 2, 2], objects: &[(1, "ipTHAEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 2, 2, 1],
            objects: &[
                (1, "ipTHAChan", Integer),
                (2, "ipTHARS", ROW_STATUS),
                (3, "ipTHAName", Text),
                (4, "ipTHALocn", Text),
                (5, "ipTHAAutoDetect", TRUTH),
                (
                    6,
                    "ipTHAType",
                    Words("autodetect=1 temperature=2 humidity=3 analogue=4 contact=5 inactive=255"),
                ),
                (7, "ipTHAValue", Integer),
                (8, "ipTHAScaling", Integer),
                (9, "ipTHAOffset", Integer),
                (10, "ipTHAHysteresis", Integer),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 3], objects: &[(1, "ipContTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 3, 1], objects: &[(1, "ipContEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 1, 3, 1, 1],
            objects: &[
                (1, "ipContChan", Integer),
                (2, "ipContRS", ROW_STATUS),
                (3, "ipContName", Text),
                (4, "ipContLocn", Text),
                (5, "ipContAutoDetect", TRUTH),
                (6, "ipContNormState", Words("open=1 closed=2")),
                (7, "ipContCurrState", Words("open=1 closed=2 armed=3 triggered=4 unknown=255")),
                (8, "ipContTrigMode", Words("positiveEdge=1 negativeEdge=2 level=3")),
                (9, "ipContReset", Unsigned),
                (10, "ipContTrapEn", Words(SEVERITIES)),
                (11, "ipContTrapPeriod", Integer),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 1], objects: &[(2, "pduTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 1, 2], objects: &[(1, "pduEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 1, 2, 1],
            objects: &[
                (1, "pduNumber", Unsigned),
                (2, "pduRS", ROW_STATUS),
                (3, "pduName", Text),
                (4, "pduOutEn", TRUTH),
                (5, "pduMonEn", TRUTH),
                (6, "pduCommsFail", Words("commsGood=1 commsFailed=2 commsBadData=3")),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 2], objects: &[(3, "pduOutTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 2, 3], objects: &[(1, "pduOutEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 2, 3, 1],
            objects: &[
                (1, "pduOutPduNumber", Unsigned),
                (2, "pduOutNumber", Unsigned),
                (3, "pduOutRS", ROW_STATUS),
                (4, "pduOutName", Text),
                (5, "pduOutOn", Words("on=1 off=2 reboot=3 unknown=4 failedStuck=5")),
                (9, "pduOutRMSAmpsValue", Unsigned),
                (10, "pduOutRMSAmpsSurge", Unsigned),
                (11, "pduOutRMSAmpsPeak", Unsigned),
                (13, "pduOutMeanKVAValue", Unsigned),
                (14, "pduOutKWHrValue", Unsigned),
                (15, "pduOutPFactorValue", Unsigned),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 3], objects: &[(1, "pduMonTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 3, 1], objects: &[(1, "pduMonEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 4, 1, 3711, 24, 1, 1, 7, 3, 1, 1],
            objects: &[
                (1, "pduMonPduNumber", Unsigned),
                (2, "pduMonRS", ROW_STATUS),
                (3, "pduRMSVoltsValue", Integer),
                (4, "pduRMSAmpsValue", Integer),
                (5, "pduTotalEnergyValue", Integer),
                (6, "pduMeanKVAValue", Integer),
                (7, "pduMeanKWattsValue", Integer),
                (8, "pduPwrFactorValue", Integer),
                (9, "pduPwrSupplyFreq", Integer),
            ],
        },
    ],
};
