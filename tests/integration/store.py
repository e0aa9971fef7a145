# SPDX-License-Identifier: MIT
"""Reading a store of the collector as its files stand, to check what the collector says of them."""
import struct

HEADER = struct.Struct("=IHHQQQQQ16x")
RECORD = struct.Struct("=QQQ")
MAGIC, CONTINUES = 0x736B6978, 1
DATA, BEGIN, END, DROPPED = range(4)


def read_index(path):
    """(header, [(kind, end, at_usec, value)]) of an index file."""
    data = path.read_bytes()
    magic, version, flags, seq, previous, base, _, life = HEADER.unpack_from(data)
    assert magic == MAGIC and version == 1
    body = data[HEADER.size:]
    records = [(stamp >> 56, end, stamp & ((1 << 56) - 1), value)
               for end, stamp, value in RECORD.iter_unpack(body[:len(body) // 24 * 24])]
    return {"flags": flags, "seq": seq, "previous": previous, "base": base, "life": life}, records


def check_stream(folder, stream="out", instance=0):
    """Check that the segments of one stream and their indexes fit together; return the number.

    Each segment begins where the one before ended, ends at a line end unless its successor says
    that it continues, and its records reach its end; neither offsets nor times go backwards.
    """
    base, previous, paths = 0, 0, sorted(folder.glob(f"{instance}.{stream}.*.log"))
    for i, path in enumerate(paths):
        header, records = read_index(path.with_suffix(".idx"))
        size = path.stat().st_size
        assert header["base"] == base and header["previous"] == previous, path
        assert header["seq"] == int(path.name.split(".")[2])
        assert records == sorted(records, key=lambda r: (r[1], r[2])), f"{path}: goes backwards"
        assert records and records[-1][1] == size, f"{path}: {size} bytes, {records[-1:]}"
        if i + 1 < len(paths):
            continues = read_index(paths[i + 1].with_suffix(".idx"))[0]["flags"] & CONTINUES
            assert continues or path.read_bytes().endswith(b"\n"), f"{path} is torn"
        base, previous = base + size, header["seq"]
    return len(paths)
