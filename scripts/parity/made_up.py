"""Servers that nobody has built: ipmi_sim's data drawn by a seed, so that every format, encoding and unit comes up.

What IPMI 2.0 leaves reserved is not drawn, nor what ipmi_sim does not load or ipmitool 1.8.19 gets wrong (each said beside it).
"""

import random


def words(data):
    return " ".join(f"0x{byte:02x}" for byte in data)


def packed(text):
    """6-bit ASCII (IPMI 2.0, 43.15): four characters in three bytes, the lowest bits first."""
    bits = 0
    for place, character in enumerate(text):
        bits |= (ord(character) - 0x20 & 0x3F) << 6 * place
    return bits.to_bytes((6 * len(text) + 7) // 8, "little")


def id_string(name):
    """Type/length byte and bytes of a sensor's name: ASCII, because ipmitool 1.8.19 prints the other encodings undecoded."""
    body = name.encode("ascii")[:16]
    return bytes([0xC0 | len(body)]) + body


NAMES = ["Temp", "Fan", "Volt", "Curr", "PSU", "DIMM", "Drive", "Board", "Inlet", "CPU", "Link", "Slot"]


def name(dice, number):
    return f"{dice.choice(NAMES)}{dice.choice([' ', '_', '-', '.'])}{number:X}"


def record(record_id, kind, body):
    return bytes([record_id & 0xFF, record_id >> 8, 0x51, kind, len(body)]) + body


def mask(dice, bits):
    value = 0
    for bit in range(bits):
        value |= dice.choice([0, 0, 1]) << bit
    return value


def signed_exponents(dice):
    return dice.choice([-4, -3, -2, -1, 0, 0, 0, 1, 2]), dice.choice([-3, -2, -1, 0, 0, 0, 1, 2])


def full(dice, record_id, number, lines):
    kind, threshold = sensor_kind(dice)
    access = dice.choice([0, 1, 2, 2, 3]) << 2
    hysteresis = dice.choice([0, 1, 2, 3]) << 4
    event_control = dice.choice([0, 1, 2, 3])
    thresholds = mask(dice, 6) if threshold else 0
    analog = dice.choice([0, 1, 2] if dice.ipmitool_only else [0, 2]) << 6 if threshold else 0xC0
    percentage = dice.choice([0, 0, 0, 1])
    modifier = dice.choice([0, 0, 0, 1, 2])
    rate = dice.choice([0, 0, 0, 1, 2, 3])
    base, second = dice.choice([1, 4, 5, 6, 18, 20, 21, dice.randrange(0, 91)]), dice.choice([1, 20, 22, 66])
    linear = dice.choice([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 if dice.ipmitool_only else 0]) if threshold else 0
    m, b = dice.choice([1, 2, 5, 10, dice.randrange(-512, 512)]), dice.choice([0, 0, 5, dice.randrange(-512, 512)])
    tolerance, accuracy, accuracy_exponent = dice.randrange(0, 64), dice.randrange(0, 1024), dice.randrange(0, 4)
    result_exponent, b_exponent = signed_exponents(dice)
    levels = sorted(dice.randrange(256) for _ in range(6))
    body = bytes([
        0x20, 0x00, number, dice.randrange(1, 0x31), dice.randrange(1, 0x60), 0x7F,
        0x40 * dice.choice([0, 1]) | hysteresis | access | event_control, kind[0], kind[1],
    ])
    if threshold:
        body += (mask(dice, 12) | (mask(dice, 3) << 12)).to_bytes(2, "little")
        body += (mask(dice, 12) | (mask(dice, 3) << 12)).to_bytes(2, "little")
        body += bytes([thresholds, thresholds & mask(dice, 6)])
    else:
        body += mask(dice, 15).to_bytes(2, "little") + mask(dice, 15).to_bytes(2, "little") + mask(dice, 15).to_bytes(2, "little")
    body += bytes([
        analog | rate << 3 | modifier << 1 | percentage, base, second if modifier else 0, linear,
        m & 0xFF, (m >> 8 & 3) << 6 | tolerance, b & 0xFF, (b >> 8 & 3) << 6 | accuracy & 0x3F,
        (accuracy >> 6) << 4 | accuracy_exponent << 2 | 0, (result_exponent & 15) << 4 | b_exponent & 15,
        mask(dice, 3), *[dice.randrange(256) for _ in range(3)], dice.choice([0xFF, dice.randrange(256)]),
        dice.choice([0, dice.randrange(256)]), *reversed(levels), dice.choice([0, 2, 0xFF, dice.randrange(256)]), dice.choice([0, 2, 0xFF]),
        0, 0, 0,
    ])
    body += id_string(name(dice, number))
    lines.append(f"sensor_add 0x20 0x0 0x{number:02x} 0x{kind[0]:02x} 0x{kind[1]:02x}")
    lines.append(f"main_sdr_add 0x20 {words(record(record_id, 1, body))}")
    if threshold:
        support = ["none", "readable", "settable", "fixed"][access >> 2]
        lines.append(
            f"sensor_set_threshold 0x20 0x0 0x{number:02x} {support} {thresholds:06b} {words(reversed(levels))}")
        lines.append(
            f"sensor_set_hysteresis 0x20 0x0 0x{number:02x} {['none', 'readable', 'settable', 'fixed'][hysteresis >> 4]} "
            f"0x{dice.randrange(4):02x} 0x{dice.randrange(4):02x}")
    states(dice, number, threshold, event_control, lines)


def sensor_kind(dice):
    """Sensor type and event/reading type, and whether it has thresholds."""
    form = dice.choice(["threshold", "threshold", "threshold", "generic", "specific", "oem"])
    if form == "threshold":
        kind = dice.choice([1, 2, 3, 4, dice.randrange(1, 0x2D)])
        # A drive slot has states, not thresholds.
        return (kind if kind != 0x0D else 1, 0x01), True
    if form == "generic":
        return (dice.randrange(1, 0x2D), dice.randrange(0x02, 0x0D)), False
    if form == "specific":
        return (dice.choice([5, 6, 7, 8, 9, 0x0C, 0x0D, 0x0F, 0x10, 0x12, 0x13, 0x14, 0x1B, 0x1D, 0x21, 0x22, 0x23, 0x25, 0x28, 0x29, 0x2C]), 0x6F), False
    return (dice.randrange(0xC0, 0x100), dice.randrange(0x70, 0x80)), False


def states(dice, number, threshold, event_control, lines):
    where = f"0x20 0x0 0x{number:02x}"
    scanning = dice.choice(["scanning"] * 5 + ["no-scanning"])
    enabled = dice.choice(["enable"] * 4 + ["disable"])
    control = ["per-state", "entire-sensor", "global", "none"][event_control]
    bits = [f"{mask(dice, 12 if threshold else 15):015b}" for _ in range(4)]
    lines.append(f"sensor_set_event_support {where} {enabled} {scanning} {control} {' '.join(bits)}")
    if threshold:
        lines.append(f"sensor_set_value {where} 0x{dice.randrange(256):02x} 0")
    else:
        for bit in range(15):
            if dice.random() < 0.2:
                lines.append(f"sensor_set_bit {where} {bit} 1 0")


def compact(dice, record_id, number, share, lines):
    kind, threshold = sensor_kind(dice)
    while threshold:
        kind, threshold = sensor_kind(dice)
    event_control = dice.choice([0, 1, 2, 3])
    body = bytes([
        0x20, 0x00, number, dice.randrange(1, 0x31), dice.randrange(1, 0x40), 0x7F,
        0x40 * dice.choice([0, 1]) | event_control, kind[0], kind[1],
    ])
    body += mask(dice, 15).to_bytes(2, "little") + mask(dice, 15).to_bytes(2, "little") + mask(dice, 15).to_bytes(2, "little")
    body += bytes([0xC0, 0, 0, dice.choice([0, 1]) << 4 | share, dice.choice([0, 0x80]) | dice.randrange(4), 0, 0, 0, 0, 0, 0])
    body += id_string(name(dice, number))
    for place in range(share):
        lines.append(f"sensor_add 0x20 0x0 0x{number + place:02x} 0x{kind[0]:02x} 0x{kind[1]:02x}")
    lines.append(f"main_sdr_add 0x20 {words(record(record_id, 2, body))}")
    for place in range(share):
        states(dice, number + place, False, event_control, lines)


def event_only(dice, record_id, number):
    body = bytes([0x20, 0x00, number, dice.randrange(1, 0x31), 1, dice.randrange(1, 0x2D), 0x6F, 1, 0, 0, 0]) + id_string(name(dice, number))
    return f"main_sdr_add 0x20 {words(record(record_id, 3, body))}"


def locator(dice, record_id, fru):
    """FRU device locator (43.8) of a logical FRU device."""
    body = bytes([0x20, fru, 0x80, 0x00, 0x00, 0x10, 0x00, dice.randrange(1, 0x31), fru + 1, 0x00])
    return f"main_sdr_add 0x20 {words(record(record_id, 0x11, body + id_string(f'FRU {fru}')))}"


def controller(dice, record_id):
    body = bytes([0x20, 0x00, 0x00, 0xBF, 0x00, 0x00, 0x00, 0x2E, 0x01, 0x00]) + id_string("Controller")
    return f"main_sdr_add 0x20 {words(record(record_id, 0x12, body))}"


def association(record_id):
    return f"main_sdr_add 0x20 {words(record(record_id, 0x08, bytes([7, 1, 0, 3, 1, 3, 2, 0, 0, 0, 0])))}"


def oem(dice, record_id):
    return f"main_sdr_add 0x20 {words(record(record_id, 0xC0, bytes([0x57, 0x01, 0x00]) + dice.randbytes(dice.randrange(1, 20))))}"


def server(seed):
    """The text of a command file."""
    dice = random.Random(seed)
    # freeipmi 1.6.10 reads negative numbers in one's complement two too low, and the cube root as a power of -3: every other
    # server has neither.
    dice.ipmitool_only = seed % 2 == 0
    lines = [
        "mc_setbmc 0x20",
        f"mc_add 0x20 0x{dice.randrange(0x40):02x} no-device-sdrs 0x{dice.randrange(16):02x} {dice.randrange(100)} {dice.randrange(10)} 0xbf "
        f"0x{dice.choice([0x157, 0x2a2, 0x0b, 0x7c78, 0x4dd8, 0]):06x} 0x{dice.randrange(0x10000):04x} persist_sdr",
        "sel_enable 0x20 1000 0x0a",
    ]
    record_id, number = 1, 1
    for fru in range(dice.randrange(1, 4)):
        data = inventory(dice)
        lines.append(f"mc_add_fru_data 0x20 0x{fru:02x} 0x{len(data):x} data {words(data)}")
        if fru:
            lines.append(locator(dice, record_id, fru))
            record_id += 1
    for _ in range(dice.randrange(30, 60)):
        form = dice.choice(["full"] * 6 + ["compact"] * 3 + ["event", "other"])
        if form == "full":
            full(dice, record_id, number, lines)
            number += 1
        elif form == "compact":
            share = dice.choice([1, 1, 1, 1, 2, 3])
            compact(dice, record_id, number, share, lines)
            number += share
        elif form == "event":
            lines.append(event_only(dice, record_id, number))
            number += 1
        else:
            lines.append(dice.choice([association(record_id), oem(dice, record_id), controller(dice, record_id)]))
        record_id += 1
    lines.append("mc_enable 0x20")
    return "\n".join(lines) + "\n"


def events(seed):
    """A SEL in ipmi_sim's own form: records of all types."""
    dice = random.Random(-seed - 1)
    stamp = 1_760_000_000 + dice.randrange(10_000_000)
    lines = []
    for record_id in range(1, dice.randrange(30, 200)):
        stamp += dice.randrange(86_400)
        form = dice.choice(["event"] * 8 + ["stamped", "plain"])
        if form == "event":
            kind, threshold = sensor_kind(dice)
            offset = dice.randrange(12 if threshold else 8)
            data = bytes([dice.choice([0, 0x50 if threshold else 0x10, 0xA0]) | offset, dice.randrange(256), dice.randrange(256)])
            time = dice.choice([stamp] * 6 + [dice.randrange(0x20000000)])
            body = b"\x02" + time.to_bytes(4, "little") + bytes([0x20, 0, 4, kind[0], dice.randrange(256), dice.choice([0, 0x80]) | kind[1]]) + data
        elif form == "stamped":
            body = bytes([dice.randrange(0xC0, 0xE0)]) + stamp.to_bytes(4, "little") + dice.randbytes(9)
        else:
            kind = dice.choice([0xF0, dice.randrange(0xE0, 0x100)])
            # 0xf0 is Linux's: the record's number, and eleven characters of what the kernel said.
            body = bytes([kind]) + (b"\x20\x01Fatal error" if kind == 0xF0 else dice.randbytes(13))
        whole = record_id.to_bytes(2, "little") + body
        lines.append(f"{record_id}:d:" + "".join(f"\\{byte:02x}" for byte in whole))
    return "\n".join(lines) + "\n"


def levels(server_text, seed):
    """Further records of a SEL: events of a server's own sensors, with readings and thresholds or without. Of those that share
    a record the first: ipmitool 1.8.19 does not find the others."""
    dice = random.Random(seed + 0x5E1)
    added = [line.split()[2:] for line in server_text.splitlines() if line.startswith("main_sdr_add")]
    records = [[int(word, 16) for word in words] for words in added]
    # Number, sensor type and event/reading type of full and compact records.
    sensors = [(record[7], record[12], record[13]) for record in records if record[3] in (1, 2)]
    lines = []
    for record_id in range(1000, 1040):
        number, kind, form = dice.choice(sensors)
        offset = dice.randrange(12) if form == 1 else dice.randrange(8)
        given = dice.choice([0x50, 0x50, 0x50, 0x40, 0x10, 0x00]) if form == 1 else 0x00
        body = b"\x02" + (1_775_000_000 + record_id).to_bytes(4, "little") + bytes([
            0x20, 0, 4, kind, number, dice.choice([0, 0x80]) | form, given | offset, dice.randrange(256), dice.randrange(256),
        ])
        whole = record_id.to_bytes(2, "little") + body
        lines.append(f"{record_id}:d:" + "".join(f"\\{byte:02x}" for byte in whole))
    return "\n".join(lines) + "\n"


def field(dice, text):
    """Type/length and bytes of a FRU field, in one of the encodings (FRU specification, 13)."""
    encoding = dice.choice(["ascii"] * 4 + ["packed", "bcd", "binary", "empty"])
    if encoding == "empty":
        return b"\xc0"
    if encoding == "packed":
        body = packed(text.upper()[:40])
        return bytes([0x80 | len(body)]) + body
    if encoding == "bcd":
        digits = "".join(dice.choice("0123456789 -.") for _ in range(2 * dice.randrange(1, 10)))
        codes = {**{str(digit): digit for digit in range(10)}, " ": 10, "-": 11, ".": 12}
        body = bytes(codes[digits[at]] << 4 | codes[digits[at + 1]] for at in range(0, len(digits), 2))
        return bytes([0x40 | len(body)]) + body
    if encoding == "binary":
        body = dice.randbytes(dice.randrange(1, 12))
        return bytes([len(body)]) + body
    body = text.encode("ascii")[:60]
    # A length of one would be the mark of the end.
    return bytes([0xC0 | len(body)]) + body if len(body) > 1 else b"\xc0"


def area(head, fields):
    body = head + fields + b"\xc1"
    length = (len(body) + 3 + 7) // 8
    body = bytes([0x01, length]) + body
    body += bytes(length * 8 - 1 - len(body))
    return body + bytes([-sum(body) & 0xFF])


def inventory(dice):
    """A FRU inventory: header, and some of chassis, board and product areas."""
    text = lambda stem: f"{stem} {dice.randrange(10_000):04d}"
    areas = {
        "chassis": area(bytes([dice.randrange(1, 0x20)]), field(dice, text("CP")) + field(dice, text("CS")) + extra(dice)),
        "board": area(
            b"\x00" + dice.randrange(1, 0xFFFFFF).to_bytes(3, "little"),
            b"".join(field(dice, text(stem)) for stem in ("Maker", "Board", "Serial", "Part", "File")) + extra(dice)),
        "product": area(
            b"\x00",
            b"".join(field(dice, text(stem)) for stem in ("Maker", "Product", "Part", "Version", "Serial", "Asset", "File")) + extra(dice)),
    }
    header, body = [0x01, 0x00], b""
    for key in ("chassis", "board", "product"):
        if dice.random() < 0.8:
            header.append(1 + len(body) // 8)
            body += areas[key]
        else:
            header.append(0)
    header += [0, 0]
    whole = bytes(header) + bytes([-sum(header) & 0xFF]) + body
    return whole + bytes(max(0, 64 - len(whole)))


def extra(dice):
    return b"".join(field(dice, f"Extra {place}") for place in range(dice.randrange(3)))
