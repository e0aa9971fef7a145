# SPDX-License-Identifier: MIT
"""How fast the host's time stamp counter runs: an emulated one is the host's.

A kernel would find out by itself, with a timer that the emulator lets it wait for too long when the
host is busy. Then its clock runs fast, ten times as fast at the worst, all its deadlines are too
short, and the timer ticks are most of what it does; and a machine that is frozen remains so.
"""
import ctypes
import functools
import mmap
import platform
import threading
import time

# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
READ = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"
LOOKS = 100
SECONDS = .2
NS_PER_MS = 1_000_000


def _look(read):
    """(ns, ticks) at the same moment; the quickest look of many was not interrupted."""
    looks = []
    for _ in range(LOOKS):
        before = time.monotonic_ns()
        ticks = read()
        after = time.monotonic_ns()
        looks.append((after - before, (before + after) // 2, ticks))
    return min(looks)[1:]


@functools.cache
def khz():
    """Ticks in a millisecond; None where there is no such counter."""
    if platform.machine() != "x86_64":
        return None
    allowed = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    with mmap.mmap(-1, mmap.PAGESIZE, prot=allowed) as code:
        code.write(READ)
        place = ctypes.c_char.from_buffer(code)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(place))
        first, n_first = _look(read)
        threading.Event().wait(SECONDS)
        last, n_last = _look(read)
        del place
    return (n_last - n_first) * NS_PER_MS // (last - first)
