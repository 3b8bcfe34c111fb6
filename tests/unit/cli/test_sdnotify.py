"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import ROOT, command, vm
from vsphere_market.cli.sdnotify import SystemdNotifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def heard(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


def test_it_says_when_it_is_ready_what_it_does_and_that_it_ends(
    manager: socket.socket, tmp_path: Path
) -> None:
    said = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    said.ready("the loop\nhas begun")
    said.status("cycle 1")
    said.feed()
    said.stopping()
    assert heard(manager) == [
        "READY=1\nSTATUS=the loop has begun",
        "STATUS=cycle 1",
        "STOPPING=1\nSTATUS=waiting for what is under way",
    ]


def test_the_watchdog_is_fed_when_it_was_asked_for(manager: socket.socket, tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    said = SystemdNotifier({**environ, "WATCHDOG_PID": str(os.getpid())})
    for _ in range(100):
        said.feed()
    assert heard(manager) == ["WATCHDOG=1"], "no more often than needed"
    SystemdNotifier({**environ, "WATCHDOG_PID": "1"}).feed()
    assert heard(manager) == [], "it was meant for another process"


def test_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0vsphere-market-{os.getpid()}")
        SystemdNotifier({"NOTIFY_SOCKET": f"@vsphere-market-{os.getpid()}"}).status("x")
        assert end.recv(100) == b"STATUS=x"


def test_without_a_manager_and_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    SystemdNotifier({}).ready("x")
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).ready("x")
    SystemdNotifier({"NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "nonsense"}).feed()


def test_the_loop_speaks_to_its_manager(
    manager: socket.socket, tmp_path: Path, hot: Path, hands_free: Path
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
    assert vm("run", "--plant", hot, "-p", hands_free, "--once", env=environ).code == 0
    said = heard(manager)
    assert said[0].startswith("READY=1\nSTATUS=the loop has begun")
    assert "WATCHDOG=1" in said
    assert any(line.startswith("STATUS=cycle 1 at") for line in said)


def test_the_service_speaks_to_its_manager(
    manager: socket.socket, tmp_path: Path, hot: Path
) -> None:
    environ = {
        **os.environ,
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "2000000",
    }
    manager.settimeout(60)
    serving = subprocess.Popen(
        command("serve", "--plant", hot, "--listen", "127.0.0.1:0"),
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = manager.recv(4096).decode()
        assert ready.startswith("READY=1\nSTATUS=serving small at https://127.0.0.1:")
        assert manager.recv(4096) == b"WATCHDOG=1"
        serving.send_signal(signal.SIGTERM)
        said = b""
        while not said.startswith(b"STOPPING=1"):
            said = manager.recv(4096)
        assert serving.wait(60) == 0
    finally:
        serving.kill()
        serving.wait()
