//! UPS-MIB (RFC 1628).

use super::{Group, Module, Syntax::*};

pub(super) const UPS_MIB: Module = Module {
    name: "UPS-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 2, 1], objects: &[(33, "upsMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 33], objects: &[(1, "upsObjects", Node), (2, "upsTraps", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1],
            objects: &[
                (1, "upsIdent", Node),
                (2, "upsBattery", Node),
                (3, "upsInput", Node),
                (4, "upsOutput", Node),
                (5, "upsBypass", Node),
                (6, "upsAlarm", Node),
                (7, "upsTest", Node),
                (8, "upsControl", Node),
                (9, "upsConfig", Node),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 1],
            objects: &[
                (1, "upsIdentManufacturer", Text),
                (2, "upsIdentModel", Text),
                (3, "upsIdentUPSSoftwareVersion", Text),
                (4, "upsIdentAgentSoftwareVersion", Text),
                (5, "upsIdentName", Text),
                (6, "upsIdentAttachedDevices", Text),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 2],
            objects: &[
                (1, "upsBatteryStatus", Words("unknown=1 batteryNormal=2 batteryLow=3 batteryDepleted=4")),
                (2, "upsSecondsOnBattery", Units("seconds")),
                (3, "upsEstimatedMinutesRemaining", Units("minutes")),
                (4, "upsEstimatedChargeRemaining", Units("percent")),
                (5, "upsBatteryVoltage", Units("0.1 Volt DC")),
                (6, "upsBatteryCurrent", Units("0.1 Amp DC")),
                (7, "upsBatteryTemperature", Units("degrees Centigrade")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 3],
            objects: &[
                (1, "upsInputLineBads", Counter32),
                (2, "upsInputNumLines", Integer),
                (3, "upsInputTable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 3, 3], objects: &[(1, "upsInputEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 3, 3, 1],
            objects: &[
                (1, "upsInputLineIndex", Integer),
                (2, "upsInputFrequency", Units("0.1 Hertz")),
                (3, "upsInputVoltage", Units("RMS Volts")),
                (4, "upsInputCurrent", Units("0.1 RMS Amp")),
                (5, "upsInputTruePower", Units("Watts")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 4],
            objects: &[
                (
                    1,
                    "upsOutputSource",
                    Words("other=1 none=2 normal=3 bypass=4 battery=5 booster=6 reducer=7"),
                ),
                (2, "upsOutputFrequency", Units("0.1 Hertz")),
                (3, "upsOutputNumLines", Integer),
                (4, "upsOutputTable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 4, 4], objects: &[(1, "upsOutputEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 4, 4, 1],
            objects: &[
                (1, "upsOutputLineIndex", Integer),
                (2, "upsOutputVoltage", Units("RMS Volts")),
                (3, "upsOutputCurrent", Units("0.1 RMS Amp")),
                (4, "upsOutputPower", Units("Watts")),
                (5, "upsOutputPercentLoad", Units("percent")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 5],
            objects: &[
                (1, "upsBypassFrequency", Units("0.1 Hertz")),
                (2, "upsBypassNumLines", Integer),
                (3, "upsBypassTable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 5, 3], objects: &[(1, "upsBypassEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 5, 3, 1],
            objects: &[
                (1, "upsBypassLineIndex", Integer),
                (2, "upsBypassVoltage", Units("RMS Volts")),
                (3, "upsBypassCurrent", Units("0.1 RMS Amp")),
                (4, "upsBypassPower", Units("Watts")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 6],
            objects: &[
                (1, "upsAlarmsPresent", Gauge32),
                (2, "upsAlarmTable", Node),
                (3, "upsWellKnownAlarms", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 6, 2], objects: &[(1, "upsAlarmEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 6, 2, 1],
            objects: &[
                (1, "upsAlarmId", Integer),
                (2, "upsAlarmDescr", ObjectId),
                (3, "upsAlarmTime", TimeTicks),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 6, 3],
            objects: &[
                (1, "upsAlarmBatteryBad", Node),
                (2, "upsAlarmOnBattery", Node),
                (3, "upsAlarmLowBattery", Node),
                (4, "upsAlarmDepletedBattery", Node),
                (5, "upsAlarmTempBad", Node),
                (6, "upsAlarmInputBad", Node),
                (7, "upsAlarmOutputBad", Node),
                (8, "upsAlarmOutputOverload", Node),
                (9, "upsAlarmOnBypass", Node),
                (10, "upsAlarmBypassBad", Node),
                (11, "upsAlarmOutputOffAsRequested", Node),
                (12, "upsAlarmUpsOffAsRequested", Node),
                (13, "upsAlarmChargerFailed", Node),
                (14, "upsAlarmUpsOutputOff", Node),
                (15, "upsAlarmUpsSystemOff", Node),
                (16, "upsAlarmFanFailure", Node),
                (17, "upsAlarmFuseFailure", Node),
                (18, "upsAlarmGeneralFault", Node),
                (19, "upsAlarmDiagnosticTestFailed", Node),
                (20, "upsAlarmCommunicationsLost", Node),
                (21, "upsAlarmAwaitingPower", Node),
                (22, "upsAlarmShutdownPending", Node),
                (23, "upsAlarmShutdownImminent", Node),
                (24, "upsAlarmTestInProgress", Node),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 7],
            objects: &[
                (1, "upsTestId", ObjectId),
                (2, "upsTestSpinLock", Integer),
                (
                    3,
                    "upsTestResultsSummary",
                    Words("donePass=1 doneWarning=2 doneError=3 aborted=4 inProgress=5 noTestsInitiated=6"),
                ),
                (4, "upsTestResultsDetail", Text),
                (5, "upsTestStartTime", TimeTicks),
                (6, "upsTestElapsedTime", Integer),
                (7, "upsWellKnownTests", Node),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 7, 7],
            objects: &[
                (1, "upsTestNoTestsInitiated", Node),
                (2, "upsTestAbortTestInProgress", Node),
                (3, "upsTestGeneralSystemsTest", Node),
                (4, "upsTestQuickBatteryTest", Node),
                (5, "upsTestDeepBatteryCalibration", Node),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 8],
            objects: &[
                (1, "upsShutdownType", Words("output=1 system=2")),
                (2, "upsShutdownAfterDelay", Units("seconds")),
                (3, "upsStartupAfterDelay", Units("seconds")),
                (4, "upsRebootWithDuration", Units("seconds")),
                (5, "upsAutoRestart", Words("on=1 off=2")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 1, 9],
            objects: &[
                (1, "upsConfigInputVoltage", Units("RMS Volts")),
                (2, "upsConfigInputFreq", Units("0.1 Hertz")),
                (3, "upsConfigOutputVoltage", Units("RMS Volts")),
                (4, "upsConfigOutputFreq", Units("0.1 Hertz")),
                (5, "upsConfigOutputVA", Units("Volt-Amps")),
                (6, "upsConfigOutputPower", Units("Watts")),
                (7, "upsConfigLowBattTime", Units("minutes")),
                (8, "upsConfigAudibleStatus", Words("disabled=1 enabled=2 muted=3")),
                (9, "upsConfigLowVoltageTransferPoint", Units("RMS Volts")),
                (10, "upsConfigHighVoltageTransferPoint", Units("RMS Volts")),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 33, 2],
            objects: &[
                (1, "upsTrapOnBattery", Node),
                (2, "upsTrapTestCompleted", Node),
                (3, "upsTrapAlarmEntryAdded", Node),
                (4, "upsTrapAlarmEntryRemoved", Node),
            ],
        },
    ],
};
