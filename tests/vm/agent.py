# SPDX-License-Identifier: MIT
"""The tests' end of the line to guest/agent: one order at a time, each with a deadline."""
import json
import time


class Silence(Exception):
    """The machine did not answer in time, or is gone."""


class Agent:
    """A connection that the machine's emulator has made to `server`."""

    def __init__(self, server, seconds):
        deadline = time.monotonic() + seconds
        self.rest = b""
        self.number = 0
        self.socket = None
        server.settimeout(seconds)
        try:
            self.socket, _ = server.accept()
        except TimeoutError as error:
            raise Silence("the emulator does not connect") from error
        # It is read once the agent in the machine is there.
        _, boot_id, _ = self.call({"do": "hello", "now": time.time()}, b"",
                                  deadline - time.monotonic())
        self.boot_id = boot_id.decode()

    def close(self):
        """Hang up."""
        self.socket.close()

    def call(self, order, stdin, seconds):
        """(exit code or None, stdout, stderr) of what is done."""
        deadline = time.monotonic() + seconds
        self.send(order, stdin, seconds)
        while True:
            answer = self._line(deadline)
            parts = [self._bytes(answer[name], deadline) for name in ("stdout", "stderr")]
            # Another number's came too late for who asked.
            if answer["number"] == self.number:
                return answer["code"], *parts

    def send(self, order, stdin, seconds):
        """Only ask for it: for a command that may end the agent before it can answer."""
        self.number += 1
        head = json.dumps(order | {"number": self.number, "stdin": len(stdin)}).encode()
        self.socket.settimeout(seconds)
        try:
            self.socket.sendall(head + b"\n" + stdin)
        except OSError as error:
            raise Silence(f"the machine does not listen: {error}") from error

    def _receive(self, deadline):
        """Wait for more."""
        try:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.socket.recv(1 << 20)
        except OSError as error:
            raise Silence(f"the machine does not answer: {error}") from error
        if not data:
            raise Silence("the machine is gone")
        self.rest += data

    def _line(self, deadline):
        while b"\n" not in self.rest:
            self._receive(deadline)
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def _bytes(self, number, deadline):
        while len(self.rest) < number:
            self._receive(deadline)
        data, self.rest = self.rest[:number], self.rest[number:]
        return data
