"""rackpoll against the programs that people know, on the same simulated devices, field by field (`make parity`).

    python3 scripts/parity [--only WORD ...] [--most N]

--only: sources or commands with this word, as `vnode`, `sdr`, `snmp`. Fails where a field differs, is missing or is one
too many, and where nothing was compared.
"""

import argparse
import json
import sys
import tempfile

import ipmitool
import peers
import snmp
from table import Comparison, show


def polled(bmc, command):
    return json.loads(bmc.rackpoll(command))[command]


def chassis(bmc, row):
    theirs = ipmitool.chassis(bmc.ipmitool("raw", "0", "1"))
    row.value("chassis", theirs, polled(bmc, "chassis"))


def power(bmc, row):
    row.value("power", ipmitool.chassis(bmc.ipmitool("raw", "0", "1"))["power"], polled(bmc, "power"))


def uid(bmc, row):
    row.value("uid", ipmitool.chassis(bmc.ipmitool("raw", "0", "1"))["uid"], polled(bmc, "uid"))


def sel_information(bmc, row):
    theirs = ipmitool.sel_information(bmc.ipmitool("sel"))
    row.value("selInformation", theirs, polled(bmc, "selInformation"))


def sel(bmc, row):
    theirs = ipmitool.sel(bmc.ipmitool("-c", "sel", "list", "last", "25"))
    row.rows(theirs, polled(bmc, "sel"), lambda entry: entry["logId"])
    empty(row, theirs)


def sel_entries(bmc, row):
    with tempfile.NamedTemporaryFile() as raw:
        bmc.ipmitool("sel", "writeraw", raw.name)
        theirs = ipmitool.sel_entries(bmc.ipmitool("-v", "sel", "list"), raw.read())
    row.rows(theirs, polled(bmc, "selEntries"), lambda entry: entry["SEL Record ID"])
    empty(row, theirs)


def sdr(bmc, row):
    theirs = ipmitool.sdr(bmc.ipmitool("-v", "sdr"))
    row.rows(theirs, polled(bmc, "sdr"), lambda sensor: sensor["sensorId"], additive=("value", "unit"))


def drive_health(bmc, row):
    theirs = ipmitool.drive_health(bmc.ipmitool("sdr", "type", "0xd"))
    row.rows(theirs, polled(bmc, "driveHealth"), lambda drive: drive["name"])
    empty(row, theirs)


def fru(bmc, row):
    theirs = ipmitool.fru(bmc.ipmitool("fru"))
    row.rows(theirs, polled(bmc, "fru"), lambda device: device["fruDeviceDescription"])


def values(bmc, row):
    """The numbers of all threshold sensors, against freeipmi's."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = {}
        for line in bmc.freeipmi(folder).splitlines():
            fields = line.split(",")
            # ID, Name, Type, Reading, Units, Event: names repeat, so the order counts.
            theirs.setdefault(fields[1], []).append(fields[3])
    ours = {}
    for sensor in polled(bmc, "sdr"):
        ours.setdefault(sensor["sensorId"].rpartition(" (")[0].strip(), []).append(sensor)
    for name, readings in theirs.items():
        # What ipmitool leaves out of its list has nothing to be compared with: freeipmi lists event-only sensors too.
        for place, (their, our) in enumerate(zip(readings, ours.get(name, []))):
            if our["sdrType"] != "Threshold":
                continue
            known = None if their == "N/A" else their
            mine = None if our["value"] is None else f"{our['value']:.2f}"
            if mine == "-0.00":
                mine = "0.00"
            row.value(f"{name} [{place}] value", known, mine)


def empty(row, theirs):
    """An empty list that both have is something compared."""
    if not theirs:
        row.compared += 1


COMMANDS = {
    "chassis": chassis, "power": power, "uid": uid, "selInformation": sel_information, "sel": sel,
    "selEntries": sel_entries, "sdr": sdr, "sdr values (freeipmi)": values, "driveHealth": drive_health, "fru": fru,
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--most", type=int, default=12, help="differences that are shown of each row")
    options = arguments.parse_args()
    comparisons = []

    def wanted(source, command):
        return all(word in f"{source} {command}" for word in options.only)

    for name, commands, log in peers.models():
        chosen = {command: compare for command, compare in COMMANDS.items() if wanted(f"ipmi {name}", command)}
        if not chosen:
            continue
        with peers.bmc(commands, log) as bmc:
            for command, compare in chosen.items():
                row = Comparison(name, command)
                try:
                    compare(bmc, row)
                except (RuntimeError, KeyError, ValueError) as error:
                    row.differing.append(str(error) or repr(error))
                comparisons.append(row)
    comparisons.extend(snmp.comparisons(wanted))
    sys.exit(0 if show(comparisons, options.most) else 1)


main()
