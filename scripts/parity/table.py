"""Field by field: what was compared, and what differs."""

import json


class Comparison:
    """One table row: a source of data and a command."""

    def __init__(self, source, command):
        self.source, self.command = source, command
        self.compared = 0
        self.differing, self.missing, self.extra = [], [], []

    def bad(self):
        return bool(self.differing or self.missing or self.extra) or self.compared == 0

    def value(self, place, theirs, ours):
        """Compares two values to their leaves. Keys of ours alone are told by `extra` unless `additive` allows them."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key, value in theirs.items():
                if key in ours:
                    self.value(f"{place}.{key}", value, ours[key])
                else:
                    self.missing.append(f"{place}.{key}: {json.dumps(value)}")
            for key in ours.keys() - theirs.keys():
                self.extra.append(f"{place}.{key}: {json.dumps(ours[key])}")
            return
        self.compared += 1
        if theirs != ours:
            self.differing.append(f"{place}: theirs {json.dumps(theirs)}, ours {json.dumps(ours)}")

    def rows(self, theirs, ours, name, additive=()):
        """Compares two lists of objects, in order: nothing may be missing, nothing more may be there."""
        for at, (their, our) in enumerate(zip(theirs, ours)):
            self.value(f"[{at}] {name(their)}", their, {key: our[key] for key in our if key not in additive})
        for their in theirs[len(ours):]:
            self.missing.append(name(their))
        for our in ours[len(theirs):]:
            self.extra.append(name(our))


def show(comparisons, most=12):
    """Prints the table and returns whether all is well."""
    width = max([len(row.source) for row in comparisons] + [6])
    print(f"{'source':{width}}  {'command':34} {'compared':>9} {'differing':>9} {'missing':>8} {'extra':>6}")
    for row in comparisons:
        print(
            f"{row.source:{width}}  {row.command:34} {row.compared:9} {len(row.differing):9} {len(row.missing):8} {len(row.extra):6}"
            f"{'  <--' if row.bad() else ''}"
        )
    total = [sum(numbers) for numbers in zip(*(
        (row.compared, len(row.differing), len(row.missing), len(row.extra)) for row in comparisons))] or [0, 0, 0, 0]
    print(f"{'all':{width}}  {'':34} {total[0]:9} {total[1]:9} {total[2]:8} {total[3]:6}")
    for row in comparisons:
        for kind in ("differing", "missing", "extra"):
            found = getattr(row, kind)
            for one in found[:most]:
                print(f"{row.source} {row.command}: {kind}: {one}")
            if len(found) > most:
                print(f"{row.source} {row.command}: {kind}: and {len(found) - most} more")
        if row.compared == 0:
            print(f"{row.source} {row.command}: nothing was compared")
    return bool(comparisons) and not any(row.bad() for row in comparisons)
