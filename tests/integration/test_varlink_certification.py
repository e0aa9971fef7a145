# SPDX-License-Identifier: MIT
"""org.varlink.certification: our client and server against each other and against varlink-go.

varlink-go's client exits 0 whatever happens, so what it prints is what counts; its server is not
strict, so our client checks each answer by itself. Ours is strict, which is proven with a client
that is wrong on purpose.
"""
import json
import shutil
import socket

import pytest

import instance
from waiting import SLOWNESS, wait_until

OURS = instance.BUILD / "tests/certification"
GO = "varlink-go-certification"
TESTS = [f"Test{number:02}" for number in range(1, 12)]


def connects(path):
    """Whether somebody listens on this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture
def our_server(platform):
    """The socket of our server; it must end by itself on SIGTERM, which the fixture proves."""
    path = platform.home / "ours"
    process = platform.spawn([OURS / "certification-server", path])
    wait_until(lambda: connects(path), what="our certification server")
    yield path
    process.terminate()
    assert process.wait(20 * SLOWNESS) == 0


@pytest.fixture
def go_server(platform):
    """The socket of varlink-go's server."""
    path = platform.home / "go"
    platform.spawn([shutil.which(GO) or pytest.fail(f"{GO} is not installed"), "--varlink",
                    f"unix:{path}"])
    wait_until(lambda: connects(path), what="varlink-go's certification server")
    return path


class Caller:
    """One connection that sends what it is told to, and hears one message at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20 * SLOWNESS)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def tell(self, name, flags=(), **parameters):
        """Send a call."""
        call = {"method": f"org.varlink.certification.{name}", "parameters": parameters}
        self.socket.sendall(json.dumps(call | dict.fromkeys(flags, True)).encode() + b"\0")

    def hear(self):
        """The next message."""
        message = bytearray()
        while (byte := self.file.read(1)) != b"\0":
            assert byte, "the connection ended"
            message += byte
        return json.loads(message)

    def ask(self, name, flags=(), **parameters):
        """Send a call and hear its answer."""
        self.tell(name, flags, **parameters)
        return self.hear()


@pytest.mark.sanitize
def test_our_client_certifies_our_server(platform, our_server):
    said = platform.run([OURS / "certification-client", our_server]).stdout
    assert "End: true" in said
    assert all(f"{name}: " in said for name in TESTS)


@pytest.mark.sanitize
def test_our_server_serves_many_clients_one_after_the_other(platform, our_server):
    for _ in range(20):
        assert "End: true" in platform.run([OURS / "certification-client", our_server]).stdout


def test_go_client_certifies_our_server(platform, our_server):
    said = platform.run([GO, "--client", "--varlink", f"unix:{our_server}"]).stdout
    assert said.endswith("End: 'true'\n"), said
    assert all(f"{name}: " in said for name in TESTS)
    assert "failed" not in said


def test_our_client_certifies_the_go_server(platform, go_server):
    said = platform.run([OURS / "certification-client", go_server]).stdout
    assert said.endswith("End: true\n"), said


def test_our_client_without_a_server_fails(platform):
    result = platform.run([OURS / "certification-client", platform.home / "none"], exits=1)
    assert "cannot connect" in result.stderr


def test_our_server_is_not_content_with_a_test_left_out(our_server):
    with Caller(our_server) as caller:
        client_id = caller.ask("Start")["parameters"]["client_id"]
        assert caller.ask("Test01", client_id=client_id) == {"parameters": {"bool": True}}
        assert caller.ask("End", client_id=client_id) == {"parameters": {"all_ok": False}}


def test_our_server_refuses_what_is_wrong(our_server):
    wrong = "org.varlink.certification.CertificationError"
    with Caller(our_server) as caller:
        client_id = caller.ask("Start")["parameters"]["client_id"]
        refused = caller.ask("Test02", client_id=client_id, bool=False)
        assert refused == {"error": wrong,
                           "parameters": {"wants": {"bool": True}, "got": {"bool": False}}}
        assert caller.ask("Test03", client_id=client_id, int=1.0)["error"] == wrong
        assert caller.ask("Test04", client_id=client_id, float="1")["error"] == wrong
        assert caller.ask("Test01", client_id=client_id, more=1)["error"] == wrong
        assert caller.ask("Test01", flags=["more"], client_id=client_id)["error"] == wrong
        unknown = caller.ask("Test01", client_id="nobody")
        assert unknown["error"] == "org.varlink.certification.ClientIdError"


def test_our_server_takes_a_float_that_arrives_as_an_integer(our_server):
    with Caller(our_server) as caller:
        client_id = caller.ask("Start")["parameters"]["client_id"]
        assert caller.ask("Test04", client_id=client_id, float=1)["parameters"] == {
            "string": "ping"}


def test_our_server_describes_the_certification(our_server):
    with Caller(our_server) as caller:
        caller.socket.sendall(b'{"method":"org.varlink.service.GetInterfaceDescription",'
                              b'"parameters":{"interface":"org.varlink.certification"}}\0')
        text = caller.hear()["parameters"]["description"]
    source = instance.TOP / "tests/certification/org.varlink.certification.varlink"
    assert text == source.read_text()


def test_our_server_answers_who_has_ended_its_side(our_server):
    """What `printf … | nc -N -U SOCKET` does."""
    with Caller(our_server) as caller:
        caller.tell("Start")
        caller.socket.shutdown(socket.SHUT_WR)
        assert "client_id" in caller.hear()["parameters"]
        assert caller.file.read() == b""
