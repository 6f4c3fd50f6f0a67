//! ENTITY-MIB (RFC 4133).

use super::{DATE_AND_TIME, Group, Module, Syntax::*, TRUTH};

pub(super) const ENTITY_MIB: Module = Module {
    name: "ENTITY-MIB",
    groups: &[
        Group { prefix: &[1, 3, 6, 1, 2, 1], objects: &[(47, "entityMIB", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47],
            objects: &[(1, "entityMIBObjects", Node), (2, "entityMIBTraps", Node)],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1],
            objects: &[
                (1, "entityPhysical", Node),
                (2, "entityLogical", Node),
                (3, "entityMapping", Node),
                (4, "entityGeneral", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 1], objects: &[(1, "entPhysicalTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1], objects: &[(1, "entPhysicalEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1],
            objects: &[
                (1, "entPhysicalIndex", Integer),
                (2, "entPhysicalDescr", Text),
                (3, "entPhysicalVendorType", ObjectId),
                (4, "entPhysicalContainedIn", Integer),
                (
                    5,
                    "entPhysicalClass",
                    Words(
                        "other=1 unknown=2 chassis=3 backplane=4 container=5 powerSupply=6 fan=7 sensor=8 \
                        module=9 port=10 stack=11 cpu=12",
                    ),
                ),
                (6, "entPhysicalParentRelPos", Integer),
                (7, "entPhysicalName", Text),
                (8, "entPhysicalHardwareRev", Text),
                (9, "entPhysicalFirmwareRev", Text),
                (10, "entPhysicalSoftwareRev", Text),
                (11, "entPhysicalSerialNum", Text),
                (12, "entPhysicalMfgName", Text),
                (13, "entPhysicalModelName", Text),
                (14, "entPhysicalAlias", Text),
                (15, "entPhysicalAssetID", Text),
                (16, "entPhysicalIsFRU", TRUTH),
                (17, "entPhysicalMfgDate", DATE_AND_TIME),
                (18, "entPhysicalUris", Octets),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 2], objects: &[(1, "entLogicalTable", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 2, 1], objects: &[(1, "entLogicalEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 2, 1, 1],
            objects: &[
                (1, "entLogicalIndex", Integer),
                (2, "entLogicalDescr", Text),
                (3, "entLogicalType", ObjectId),
                (4, "entLogicalCommunity", Octets),
                (5, "entLogicalTAddress", Octets),
                (6, "entLogicalTDomain", ObjectId),
                (7, "entLogicalContextEngineID", Octets),
                (8, "entLogicalContextName", Text),
            ],
        },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3],
            objects: &[
                (1, "entLPMappingTable", Node),
                (2, "entAliasMappingTable", Node),
                (3, "entPhysicalContainsTable", Node),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 1], objects: &[(1, "entLPMappingEntry", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 1, 1], objects: &[(1, "entLPPhysicalIndex", Integer)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 2], objects: &[(1, "entAliasMappingEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1],
            objects: &[
                (1, "entAliasLogicalIndexOrZero", Integer),
                (2, "entAliasMappingIdentifier", ObjectId),
            ],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 3], objects: &[(1, "entPhysicalContainsEntry", Node)] },
        Group {
            prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 3, 3, 1],
            objects: &[(1, "entPhysicalChildIndex", Integer)],
        },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 1, 4], objects: &[(1, "entLastChangeTime", TimeTicks)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 2], objects: &[(0, "entityMIBTrapPrefix", Node)] },
        Group { prefix: &[1, 3, 6, 1, 2, 1, 47, 2, 0], objects: &[(1, "entConfigChange", Node)] },
    ],
};
