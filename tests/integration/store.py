# SPDX-License-Identifier: MIT
"""Reading a store of the collector as its files stand, to check what the collector says of them."""
import ctypes
import fcntl
import os
import struct

HEADER = struct.Struct("=IHHQQQQQ16x")
RECORD = struct.Struct("=QQQ")
MAGIC, CONTINUES = 0x736B6978, 1
DATA, BEGIN, END, DROPPED = range(4)
SKIPPABLE = b"\x5e\x2a\x4d\x18"

libzstd = ctypes.CDLL("libzstd.so.1")
libzstd.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
libzstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
libzstd.ZSTD_decompress.restype = ctypes.c_size_t


def unpack(data):
    """What a packed file holds, frame by frame."""
    parts = []
    while data:
        size = libzstd.ZSTD_findFrameCompressedSize(data, ctypes.c_size_t(len(data)))
        assert size <= len(data), "a damaged frame"
        frame, data = data[:size], data[size:]
        if frame.startswith(SKIPPABLE):
            continue
        plain = ctypes.create_string_buffer(
            libzstd.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(size)))
        got = libzstd.ZSTD_decompress(plain, ctypes.c_size_t(len(plain)), frame,
                                      ctypes.c_size_t(size))
        assert got == len(plain), "a damaged frame"
        parts.append(plain.raw)
    return b"".join(parts)


def packed(path):
    return path.with_name(path.name + ".zst")


def read(path):
    """The bytes of a file of a segment, packed by now or not; None when it was deleted."""
    for try_path, convert in ((path, bytes), (packed(path), unpack), (path, bytes)):
        try:
            return convert(try_path.read_bytes())
        except FileNotFoundError:
            continue
    return None


def segments(folder, pattern="*"):
    """The plain paths of a service's segments, whether they are packed or not, in order."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return []
    try:
        # As every reader does: or one that is packed meanwhile may be found under neither name.
        fcntl.flock(fd, fcntl.LOCK_SH)
        names = {path.name.removesuffix(".zst") for suffix in (".log", ".log.zst")
                 for path in folder.glob(pattern + suffix)}
    finally:
        os.close(fd)
    return sorted(folder / name for name in names)


def stored(folder, pattern="*"):
    """The bytes of all of them."""
    return b"".join(read(path) or b"" for path in segments(folder, pattern))


def unpack_all(folder):
    """Leave the files as an older collector would have, which packed nothing."""
    for path in list(folder.glob("*.zst")):
        plain = path.with_name(path.name.removesuffix(".zst"))
        if not plain.exists():
            plain.write_bytes(unpack(path.read_bytes()))
        path.unlink()


def read_index(path):
    """(header, [(kind, end, at_usec, value)]) of an index file."""
    data = read(path)
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
    base, previous, paths = 0, 0, segments(folder, f"{instance}.{stream}.*")
    for i, path in enumerate(paths):
        header, records = read_index(path.with_suffix(".idx"))
        data = read(path)
        size = len(data)
        assert header["base"] == base and header["previous"] == previous, path
        assert header["seq"] == int(path.name.split(".")[2])
        assert records == sorted(records, key=lambda r: (r[1], r[2])), f"{path}: goes backwards"
        assert records and records[-1][1] == size, f"{path}: {size} bytes, {records[-1:]}"
        if i + 1 < len(paths):
            continues = read_index(paths[i + 1].with_suffix(".idx"))[0]["flags"] & CONTINUES
            assert continues or data.endswith(b"\n"), f"{path} is torn"
        base, previous = base + size, header["seq"]
    return len(paths)
