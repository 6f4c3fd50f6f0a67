"""Walks of recordings, against `snmpbulkwalk -m '' -Oqn`."""

import json
import re

import peers
from table import Comparison

TREES = {
    "system": "1.3.6.1.2.1.1",
    "ifTable": "1.3.6.1.2.1.2.2",
    "ifXTable": "1.3.6.1.2.1.31.1.1",
    "enterprises": "1.3.6.1.4.1",
    "all": "1.3.6.1",
}


def walked(text):
    """Oids and values as they are printed; a value may have several lines. Quotes around a value go (contract, section 3)."""
    values = {}
    oid = None
    for line in text.removesuffix("\n").split("\n"):
        start = re.match(r"(\.1(?:\.\d+)+)(?: (.*))?$", line, re.DOTALL)
        if start and is_end(start.group(2) or ""):
            # After the end of the agent's tree it is printed with the last oid once more.
            oid = None
        elif start:
            oid = start.group(1)
            values[oid] = start.group(2) or ""
        elif oid is not None:
            values[oid] += "\n" + line
    return {oid: unquoted(value) for oid, value in values.items()}


def is_end(value):
    return value.startswith(("No Such ", "No more variables left"))


def unquoted(value):
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        # The backslash before a quote or backslash inside stays: it is part of what is printed.
        return value[1:-1]
    return value


def moving(recording):
    """Oids that snmpsim changes by the clock: two walks of them have nothing to be compared."""
    lines = recording.read_text(encoding="utf-8", errors="replace").splitlines()
    fields = (line.split("|", 2) for line in lines)
    return {"." + found[0] for found in fields if len(found) > 1 and found[1].endswith(":numeric")}


def comparisons(wanted):
    rows = []
    for folder in peers.recordings():
        chosen = [
            (recording, tree, oid)
            for recording in sorted(folder.glob("*.snmprec"))
            for tree, oid in TREES.items()
            if wanted(f"snmp {recording.stem}", f"walk {tree}")
        ]
        if not chosen:
            continue
        with peers.agents(folder) as agents:
            for recording, tree, oid in chosen:
                device = recording.stem
                changing = moving(recording)
                row = Comparison(device, f"walk {tree}")
                try:
                    theirs = walked(agents.snmpbulkwalk(device, oid))
                    result = json.loads(agents.rackpoll(device, oid))["result"]
                    row.value("oids", 1, len(result))
                    ours = result[0]["values"]
                    row.value("values", *({oid: text for oid, text in values.items() if oid not in changing} for values in (theirs, ours)))
                except (RuntimeError, KeyError, ValueError) as error:
                    row.differing.append(str(error) or repr(error))
                rows.append(row)
    return rows
