#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes 4 MiB more four times a second, up to 100 MiB, and rests; its cap is below that."""
import signal
import time

MIB = 1 << 20
STEP_MIB = 4
MOST_MIB = 100

held = []
while len(held) * STEP_MIB < MOST_MIB:
    held.append(bytearray(STEP_MIB * MIB))
    print(f"holding {len(held) * STEP_MIB}M", flush=True)
    time.sleep(0.25)
print("that is enough", flush=True)
signal.pause()
