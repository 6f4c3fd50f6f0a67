"""What RackHD's parser makes of ipmitool's output, as the message contract says (section 3), and its corrections (section 9).

Written from the contract alone, apart from the agent: where both agree on a field, two readings of the contract agree.
"""

import datetime
import re


def camel(label):
    """`Upper non-critical` -> `upperNonCritical`."""
    words = re.split(r"[^A-Za-z0-9]+", label.strip())
    return words[0].lower() + "".join(word[:1].upper() + word[1:].lower() for word in words[1:])


ALWAYS_TEXT = [
    "sensorId", "entityId", "entryIdName", "sdrType", "sensorType", "sensorReading", "sensorReadingUnits",
    "nominalReading", "normalMinimum", "normalMaximum",
]
LISTS = {"statesAsserted", "assertionsEnabled", "deassertionsEnabled"}


def sdr(text):
    """`ipmitool -v sdr`: one object a sensor, in the order in which they are printed."""
    sensors = []
    for block in re.split(r"\n\s*\n", text):
        sensor = sensor_of(block)
        if sensor is not None:
            sensors.append(sensor)
    return sensors


def sensor_of(block):
    fields = {key: "" for key in ALWAYS_TEXT}
    fields["statesAsserted"] = []
    seen = set()
    current = None
    for line in block.splitlines():
        # A state stands in brackets on a line of its own, and may have a colon in it.
        state = re.fullmatch(r"\s*\[(.*)\]\s*", line)
        if state and current is not None:
            fields[current].append(state.group(1).strip())
            continue
        # A state of several lines, or something that is no field.
        if ":" not in line:
            continue
        label, value = (part.strip() for part in line.split(":", 1))
        current = None
        if label.startswith("Sensor Type"):
            kind = re.search(r"\((\w+)\)", label)
            if kind is None:
                continue
            fields["sdrType"] = {"Analog": "Threshold"}.get(kind.group(1), kind.group(1))
            fields["sensorType"] = re.sub(r"\s*\(0x[0-9a-fA-F]+\)$", "", value)
            seen.add("type")
        elif label == "Sensor ID":
            fields["sensorId"] = value
            seen.add("id")
        elif label == "Entity ID":
            match = re.match(r"(\d+\.\d+)\s*(?:\((.*)\))?$", value)
            if match:
                fields["entityId"], fields["entryIdName"] = match.group(1), match.group(2) or ""
                seen.add("entity")
        elif label == "Sensor Reading":
            seen.add("reading")
            number = re.match(r"(-?[0-9.]+|-?nan|-?inf)\s+\(\+/- [^)]*\)\s*(.*)$", value)
            if number:
                fields["sensorReading"], fields["sensorReadingUnits"] = unsigned(number.group(1)), number.group(2)
            else:
                fields["sensorReading"] = value or "0h"
        else:
            key = camel(label)
            if key in LISTS:
                current = key
                # Threshold events are words on the line itself; a sensor type's name there is left out.
                events = re.fullmatch(r"(?:(?:lnr|lcr|lnc|unc|ucr|unr)[-+]\s*)+", value + " ")
                fields[key] = [value] if events else []
            else:
                fields[key] = unsigned(value)
    return fields if seen == {"id", "entity", "type", "reading"} else None


def unsigned(number):
    """What is no number has no sign: which one is printed is a matter of the machine."""
    return "nan" if number == "-nan" else number


def drive_health(text):
    """`ipmitool sdr type 0xd`."""
    drives = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 5 and parts[2] == "ok":
            drives.append({"name": parts[0], "status": parts[4].split(",")[-1].strip() or "Not Present"})
    return drives


def century(date):
    """MM/DD/YY -> MM/DD/YYYY."""
    month, day, year = date.split("/")
    return f"{month}/{day}/{year if len(year) == 4 else '20' + year}"


def stamp(seconds):
    """A SEL time stamp; those up to 0x20000000 count from the BMC's start, 0xffffffff is none."""
    if seconds <= 0x20000000 or seconds == 0xFFFFFFFF:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%m/%d/%Y %H:%M:%S")


def sel(text):
    """`ipmitool -c sel list last 25`."""
    entries = []
    for line in text.splitlines():
        # Records of a manufacturer's own have no sensor: their fields end with the data.
        parts = line.split(",") + [""]
        if len(parts) > 6 and parts[-2] in ("Asserted", "Deasserted"):
            # An event's text may have commas of its own.
            parts[4:-2] = [",".join(parts[4:-2])]
        if len(parts) == 5 and ": " in parts[3]:
            # What Linux said when it panicked.
            parts[3:4] = parts[3].split(": ", 1)
        parts = parts[:6]
        if len(parts) < 6:
            continue
        log_id, date, time, sensor, _event, value = (part.strip() for part in parts)
        kind, number = re.fullmatch(r"(.*?)(?: (#0x[0-9a-f]+))?", sensor).groups("")
        dated = re.fullmatch(r"\d\d/\d\d/\d\d(\d\d)?", date) is not None
        entries.append({
            "logId": log_id,
            "date": century(date) if dated else "",
            "time": time.split(" ")[0] if dated else "",
            "sensorType": kind,
            "sensorNumber": number,
            # RackHD's parser keeps the blank at the end of some texts, and rules match whole texts.
            "event": parts[4],
            "value": value,
        })
    return entries




def sel_information(text):
    """`ipmitool sel`."""
    information = {}
    for line in text.splitlines():
        if ":" not in line:
            continue
        label, value = (part.strip() for part in line.split(":", 1))
        dated = re.match(r"(\d\d/\d\d/\d\d(?:\d\d)?) (\d\d:\d\d:\d\d)", value)
        information[label] = f"{century(dated.group(1))} {dated.group(2)}" if dated else value
    return information


def sel_entries(text, raw):
    """`ipmitool sel list -v`, with times and codes from the raw records (`ipmitool sel writeraw`), since ipmitool 1.8.19
    prints the date twice and no codes."""
    records = {}
    for at in range(0, len(raw), 16):
        record = raw[at:at + 16]
        records[f"{int.from_bytes(record[0:2], 'little'):04x}"] = record
    entries = []
    for block in re.split(r"\n\s*\n", text):
        entry = {}
        for line in block.splitlines():
            # As RackHD's parser: blanks at a value's end stay.
            if " : " in line:
                label, value = line.split(" : ", 1)
                entry[label.strip()] = value
        if "SEL Record ID" not in entry:
            continue
        record = records.get(entry["SEL Record ID"])
        if record is not None and "Timestamp" in entry:
            entry["Timestamp"] = stamp(int.from_bytes(record[3:7], "little")) or ""
        if record is not None and record[2] < 0xC0:
            entry["Sensor Type Code"] = f"{record[10]:02x}"
            entry["Event Type Code"] = f"{record[12] & 0x7f:02x}"
        entries.append(entry)
    return entries


def sel_sensors(text):
    """`ipmitool sel get ID ...`: what it finds in the sensors' records, one object an entry. A blank line and the sensor's
    readings of now follow an entry with a sensor."""
    entries = []
    for line in text.splitlines():
        if " : " not in line:
            continue
        label, value = line.split(" : ", 1)
        label = label.strip()
        if label == "SEL Record ID":
            entries.append({label: value})
        elif label in ("Trigger Reading", "Trigger Threshold") and not_a_number(value) is None:
            entries[-1][label] = value
        elif label == "Sensor ID":
            # A name may end in a blank.
            entries[-1]["Sensor Name"] = re.sub(r" \(0x[0-9a-f]+\)$", "", value)
    return entries


def not_a_number(value):
    """A formula that has no value."""
    return re.match(r"-?(nan|inf)", value)


def chassis(raw):
    """`ipmitool raw 0 1`."""
    power, _event, misc = (int(byte, 16) for byte in raw.split()[:3])
    return {
        "uid": ["Off", "Temporary On", "On", "Reserved"][misc >> 4 & 3],
        "power": power & 1 != 0,
        "powerOverload": power >> 1 & 1 != 0,
        "interlock": power >> 2 & 1 != 0,
        "powerFault": power >> 3 & 1 != 0,
        "powerControlFault": power >> 4 & 1 != 0,
        "intrusion": misc & 1 != 0,
        "frontPanelLockout": misc >> 1 & 1 != 0,
        "driveFault": misc >> 2 & 1 != 0,
        "coolingFault": misc >> 3 & 1 != 0,
    }


def fru(text):
    """`ipmitool fru`: one object a device; a label that comes more than once is a list."""
    devices = []
    for block in re.split(r"\n\s*\n", text):
        device = {}
        for line in block.splitlines():
            if ":" not in line:
                continue
            label, value = (part.strip() for part in line.split(":", 1))
            key = "fruDeviceDescription" if label == "FRU Device Description" else camel(label)
            if key in device:
                known = device[key]
                device[key] = (known if isinstance(known, list) else [known]) + [value]
            else:
                device[key] = value
        if "fruDeviceDescription" in device:
            devices.append(device)
    return devices
