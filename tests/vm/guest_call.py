# SPDX-License-Identifier: MIT
"""Runs in the machine: calls the supervisor, and prints what it answers as JSON.

The agent imports it, see Machine.run_python().

    guest_call.py METHOD PARAMETERS     its answer's parameters
    guest_call.py round NAME…           starts these services, looks at them as `ls` does, and stops
                                        them: what it has seen
"""
import json
import socket
import sys

SUPERVISOR = "/run/slicekeep/supervisor.sock"


def call(method, **parameters):
    """The parameters of the answer."""
    order = {"method": f"io.slicekeep.supervisor.{method}", "parameters": parameters}
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.connect(SUPERVISOR)
        supervisor.sendall(json.dumps(order).encode() + b"\0")
        answer = b""
        while not answer.endswith(b"\0"):
            data = supervisor.recv(1 << 16)
            assert data, "the supervisor hung up"
            answer += data
    answer = json.loads(answer[:-1])
    assert "error" not in answer, answer
    return answer["parameters"]


def operate(method, names):
    """Start or stop them, and wait until each has come to its end."""
    progress = call(method, names=names, wait=True)["progress"]
    assert len(progress) == len(names) and all(one["done"] and one["ok"] for one in progress), \
        progress


def see_a_round(names):
    """The services when they have been started; they are stopped then."""
    operate("Start", names)
    seen = call("List", names=names)["services"]
    operate("Stop", names)
    return seen


def main():
    """One call, or one round of them."""
    verb, *words = sys.argv[1:]
    print(json.dumps(see_a_round(words) if verb == "round" else
                     call(verb, **json.loads(words[0]))))
