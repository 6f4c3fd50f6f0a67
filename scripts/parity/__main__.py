"""rackpoll against the programs that people know, on the same simulated devices, field by field (`make parity`).

    python3 scripts/parity [--only WORD ...] [--most N] [--made-up N] [--seed N]

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
    row.rows(theirs, polled(bmc, "sel"), lambda entry: entry["logId"], SENSOR_OF_SEL)
    empty(row, theirs)


def sel_entries(bmc, row):
    with tempfile.NamedTemporaryFile() as raw:
        bmc.ipmitool("sel", "writeraw", raw.name)
        theirs = ipmitool.sel_entries(bmc.ipmitool("-v", "sel", "list"), raw.read())
    row.rows(theirs, polled(bmc, "selEntries"), lambda entry: entry["SEL Record ID"], SENSOR_OF_ENTRY)
    empty(row, theirs)


# What sensors' records add to entries, which ipmitool does not list.
TYPED = ("triggerReadingValue", "triggerThresholdValue", "unit")
SENSOR_OF_SEL = ("sensorName", "triggerReading", "triggerThreshold", *TYPED)
SENSOR_OF_ENTRY = ("Sensor Name", "Trigger Reading", "Trigger Threshold", *TYPED)


def sel_sensors(bmc, row):
    """Names, readings and thresholds of the log's events, against `ipmitool sel get` for each of them."""
    entries = polled(bmc, "selEntries")
    ids = [f"0x{entry['SEL Record ID']}" for entry in entries]
    theirs = [entry for at in range(0, len(ids), 50) for entry in ipmitool.sel_sensors(bmc.ipmitool("sel", "get", *ids[at:at + 50]))]
    kept = {"SEL Record ID", "Sensor Name", "Trigger Reading", "Trigger Threshold"}
    ours = [{key: value for key, value in entry.items() if key in kept} for entry in entries]
    row.rows(theirs, ours, lambda entry: entry["SEL Record ID"])
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
    additive = ("multiRecords", "wrongChecksums", "unreadable")
    row.rows(theirs, polled(bmc, "fru"), lambda device: device["fruDeviceDescription"], additive)


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
            # Where the formula has no result (the logarithm of a negative number), freeipmi prints any number.
            if our["sdrType"] != "Threshold" or our["sensorReading"].lower().lstrip("-") in ("nan", "inf"):
                continue
            known, mine = None if their == "N/A" else float(their), our["value"]
            if known is not None and mine is not None and (abs(known - mine) < 0.0101 or abs(mine) > HUGE):
                # Printed with two digits, half up; and very large numbers not at all.
                known = mine
            row.value(f"{name} [{place}] value", known, mine)


# Where freeipmi's own arithmetic ends.
HUGE = 2**62


def empty(row, theirs):
    """An empty list that both have is something compared."""
    if not theirs:
        row.compared += 1


COMMANDS = {
    "chassis": chassis, "power": power, "uid": uid, "selInformation": sel_information, "sel": sel,
    "selEntries": sel_entries, "selEntries (sel get)": sel_sensors, "sdr": sdr, "sdr values (freeipmi)": values, "driveHealth": drive_health, "fru": fru,
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--most", type=int, default=12, help="differences that are shown of each row")
    arguments.add_argument("--made-up", type=int, default=10, help="how many made-up servers")
    arguments.add_argument("--seed", type=int, default=1, help="the first made-up server's seed")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        comparisons = compared(options, peers.models(range(options.seed, options.seed + options.made_up), folder))
    sys.exit(0 if show(comparisons, options.most) else 1)


def compared(options, models):
    comparisons = []

    def wanted(source, command):
        return all(word in f"{source} {command}" for word in options.only)

    for name, commands, log in models:
        chosen = {command: compare for command, compare in COMMANDS.items() if wanted(f"ipmi {name}", command)}
        if name.startswith("made-up") and int(name.rpartition("-")[2]) % 2 == 0:
            chosen.pop("sdr values (freeipmi)", None)
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
    return comparisons


main()
