//! LLDP-MIB (IEEE Std 802.1AB-2005), without its configuration and statistics of single ports.

use super::{Group, Module, Syntax::*};

const CHASSIS_ID_SUBTYPES: &str = "chassisComponent=1 interfaceAlias=2 portComponent=3 macAddress=4 networkAddress=5 \
    interfaceName=6 local=7";
const PORT_ID_SUBTYPES: &str = "interfaceAlias=1 portComponent=2 macAddress=3 networkAddress=4 interfaceName=5 \
    agentCircuitId=6 local=7";
const CAPABILITIES: &str = "other=0 repeater=1 bridge=2 wlanAccessPoint=3 router=4 telephone=5 docsisCableDevice=6 \
    stationOnly=7";
const INTERFACE_SUBTYPES: &str = "unknown=1 ifIndex=2 systemPortNumber=3";

pub(super) const LLDP_MIB: Module = Module {
    name: "LLDP-MIB",
    groups: &[
        Group { prefix: &[1, 0, 8802, 1, 1], objects: &[(2, "lldpMIB", Node)] },
        Group { prefix: &[1, 0, 8802, 1, 1, 2], objects: &[(1, "lldpObjects", Node)] },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1],
            objects: &[
                (1, "lldpConfiguration", Node),
                (2, "lldpStatistics", Node),
                (3, "lldpLocalSystemData", Node),
                (4, "lldpRemoteSystemsData", Node),
                (5, "lldpExtensions", Node),
            ],
        },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 1],
            objects: &[
                (1, "lldpMessageTxInterval", Units("seconds")),
                (2, "lldpMessageTxHoldMultiplier", Integer),
                (3, "lldpReinitDelay", Units("seconds")),
                (4, "lldpTxDelay", Units("seconds")),
                (5, "lldpNotificationInterval", Units("seconds")),
            ],
        },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 2],
            objects: &[
                (1, "lldpStatsRemTablesLastChangeTime", TimeTicks),
                (2, "lldpStatsRemTablesInserts", Gauge32),
                (3, "lldpStatsRemTablesDeletes", Gauge32),
                (4, "lldpStatsRemTablesDrops", Gauge32),
                (5, "lldpStatsRemTablesAgeouts", Gauge32),
            ],
        },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 3],
            objects: &[
                (1, "lldpLocChassisIdSubtype", Words(CHASSIS_ID_SUBTYPES)),
                (2, "lldpLocChassisId", Octets),
                (3, "lldpLocSysName", Text),
                (4, "lldpLocSysDesc", Text),
                (5, "lldpLocSysCapSupported", Bits(CAPABILITIES)),
                (6, "lldpLocSysCapEnabled", Bits(CAPABILITIES)),
                (7, "lldpLocPortTable", Node),
                (8, "lldpLocManAddrTable", Node),
            ],
        },
        Group { prefix: &[1, 0, 8802, 1, 1, 2, 1, 3, 7], objects: &[(1, "lldpLocPortEntry", Node)] },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 3, 7, 1],
            objects: &[
                (1, "lldpLocPortNum", Integer),
                (2, "lldpLocPortIdSubtype", Words(PORT_ID_SUBTYPES)),
                (3, "lldpLocPortId", Octets),
                (4, "lldpLocPortDesc", Text),
            ],
        },
        Group { prefix: &[1, 0, 8802, 1, 1, 2, 1, 3, 8], objects: &[(1, "lldpLocManAddrEntry", Node)] },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 3, 8, 1],
            objects: &[
                (1, "lldpLocManAddrSubtype", Integer),
                (2, "lldpLocManAddr", Octets),
                (3, "lldpLocManAddrLen", Integer),
                (4, "lldpLocManAddrIfSubtype", Words(INTERFACE_SUBTYPES)),
                (5, "lldpLocManAddrIfId", Integer),
                (6, "lldpLocManAddrOID", ObjectId),
            ],
        },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 4],
            objects: &[(1, "lldpRemTable", Node), (2, "lldpRemManAddrTable", Node)],
        },
        Group { prefix: &[1, 0, 8802, 1, 1, 2, 1, 4, 1], objects: &[(1, "lldpRemEntry", Node)] },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1],
            objects: &[
                (1, "lldpRemTimeMark", TimeTicks),
                (2, "lldpRemLocalPortNum", Integer),
                (3, "lldpRemIndex", Integer),
                (4, "lldpRemChassisIdSubtype", Words(CHASSIS_ID_SUBTYPES)),
                (5, "lldpRemChassisId", Octets),
                (6, "lldpRemPortIdSubtype", Words(PORT_ID_SUBTYPES)),
                (7, "lldpRemPortId", Octets),
                (8, "lldpRemPortDesc", Text),
                (9, "lldpRemSysName", Text),
                (10, "lldpRemSysDesc", Text),
                (11, "lldpRemSysCapSupported", Bits(CAPABILITIES)),
                (12, "lldpRemSysCapEnabled", Bits(CAPABILITIES)),
            ],
        },
        Group { prefix: &[1, 0, 8802, 1, 1, 2, 1, 4, 2], objects: &[(1, "lldpRemManAddrEntry", Node)] },
        Group {
            prefix: &[1, 0, 8802, 1, 1, 2, 1, 4, 2, 1],
            objects: &[
                (1, "lldpRemManAddrSubtype", Integer),
                (2, "lldpRemManAddr", Octets),
                (3, "lldpRemManAddrIfSubtype", Words(INTERFACE_SUBTYPES)),
                (4, "lldpRemManAddrIfId", Integer),
                (5, "lldpRemManAddrOID", ObjectId),
            ],
        },
    ],
};
