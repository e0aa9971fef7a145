#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fetches a page every two seconds and says what it found; ready once it has found something."""
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

SECONDS = 2


def notify(text):
    """Tell whoever started us how we are, as sd_notify(3) does."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), address)


def leave(_signal, _frame):
    print("asked to stop: nothing is half done", flush=True)
    sys.exit(0)


def main():
    url = sys.argv[1]
    signal.signal(signal.SIGTERM, leave)
    print(f"looking at {url} every {SECONDS} s", flush=True)
    n_jobs = 0
    while True:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                size = len(answer.read())
        except (urllib.error.URLError, OSError) as why:
            print(f"job failed: {why}", file=sys.stderr, flush=True)
        else:
            n_jobs += 1
            print(f"job {n_jobs}: {size} bytes in {(time.monotonic() - began) * 1000:.1f} ms",
                  flush=True)
            if n_jobs == 1:
                notify("READY=1\nSTATUS=working")
        time.sleep(SECONDS)


main()
