//! SNMPv2-MIB (RFC 3418), with the roots that every oid by name begins with (RFC 2578).

use super::{Group, Module, Syntax::*};

pub(super) const SNMPV2_SMI: Module = Module {
    name: "SNMPv2-SMI",
    groups: &[
        Group { prefix: &[], objects: &[(1, "iso", Node)] },
        Group { prefix: &[1], objects: &[(3, "org", Node)] },
        Group { prefix: &[1, 3], objects: &[(6, "dod", Node)] },
        Group { prefix: &[1, 3, 6], objects: &[(1, "internet", Node)] },
        Group {
            prefix: &[1, 3, 6, 1],
            objects: &[
                (1, "directory", Node),
                (2, "mgmt", Node),
                (3, "experimental", Node),
                (4, "private", Node),
                (5, "security", Node),
                (6, "snmpV2", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2], objects: &[(1, "mib-2", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1], objects: &[(10, "transmission", Node)] },
        Group { prefix: &[1, 3, 6, 1, 4], objects: &[(1, "enterprises", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 6],
            objects: &[(1, "snmpDomains", Node), (2, "snmpProxys", Node), (3, "snmpModules", Node)],
        },
    ],
};

pub(super) const SNMPV2_MIB: Module = Module {
    name: "SNMPv2-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 2, 1], objects: &[(1, "system", Node), (11, "snmp", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 1],
            objects: &[
                (1, "sysDescr", Text),
                (2, "sysObjectID", ObjectId),
                (3, "sysUpTime", TimeTicks),
                (4, "sysContact", Text),
                (5, "sysName", Text),
                (6, "sysLocation", Text),
                (7, "sysServices", Integer),
                (8, "sysORLastChange", TimeTicks),
                (9, "sysORTable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 1, 9], objects: &[(1, "sysOREntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 1, 9, 1],
            objects: &[
                (1, "sysORIndex", Integer),
                (2, "sysORID", ObjectId),
                (3, "sysORDescr", Text),
                (4, "sysORUpTime", TimeTicks),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 11],
            objects: &[
                (1, "snmpInPkts", Counter32),
                (2, "snmpOutPkts", Counter32),
                (3, "snmpInBadVersions", Counter32),
                (4, "snmpInBadCommunityNames", Counter32),
                (5, "snmpInBadCommunityUses", Counter32),
                (6, "snmpInASNParseErrs", Counter32),
                (8, "snmpInTooBigs", Counter32),
                (9, "snmpInNoSuchNames", Counter32),
                (10, "snmpInBadValues", Counter32),
                (11, "snmpInReadOnlys", Counter32),
                (12, "snmpInGenErrs", Counter32),
                (13, "snmpInTotalReqVars", Counter32),
                (14, "snmpInTotalSetVars", Counter32),
                (15, "snmpInGetRequests", Counter32),
                (16, "snmpInGetNexts", Counter32),
                (17, "snmpInSetRequests", Counter32),
                (18, "snmpInGetResponses", Counter32),
                (19, "snmpInTraps", Counter32),
                (20, "snmpOutTooBigs", Counter32),
                (21, "snmpOutNoSuchNames", Counter32),
                (22, "snmpOutBadValues", Counter32),
                (24, "snmpOutGenErrs", Counter32),
                (25, "snmpOutGetRequests", Counter32),
                (26, "snmpOutGetNexts", Counter32),
                (27, "snmpOutSetRequests", Counter32),
                (28, "snmpOutGetResponses", Counter32),
                (29, "snmpOutTraps", Counter32),
                (30, "snmpEnableAuthenTraps", Words("enabled=1 disabled=2")),
                (31, "snmpSilentDrops", Counter32),
                (32, "snmpProxyDrops", Counter32),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 6, 3], objects: &[(1, "snmpMIB", Node)] },
        Group { prefix: &[1, 3, 6, 1, 6, 3, 1], objects: &[(1, "snmpMIBObjects", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 6, 3, 1, 1],
            objects: &[(4, "snmpTrap", Node), (5, "snmpTraps", Node), (6, "snmpSet", Node)],
        },
        Group {
            prefix: &[1, 3, 6, 1, 6, 3, 1, 1, 4],
            objects: &[(1, "snmpTrapOID", ObjectId), (3, "snmpTrapEnterprise", ObjectId)],
        },
        Group {
            prefix: &[1, 3, 6, 1, 6, 3, 1, 1, 5],
            objects: &[(1, "coldStart", Node), (2, "warmStart", Node), (5, "authenticationFailure", Node)],
        },
        Group { prefix: &[1, 3, 6, 1, 6, 3, 1, 1, 6], objects: &[(1, "snmpSetSerialNo", Integer)] },
    ],
};
