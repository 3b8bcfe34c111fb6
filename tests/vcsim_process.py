"""Simulators as child processes, and stock vcsim."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

BUILD = Path(__file__).resolve().parent.parent / "build"


class SimulatorError(Exception):
    """The simulator cannot be started, has died, or refused a control request."""


def binary(name: str) -> Path:
    """The built simulator, or an error that says how to build it."""
    path = BUILD / name
    if not path.is_file():
        raise SimulatorError(f"{path} is missing: run `make sim` to build the simulators")
    return path


class Process:
    """A child that ends with us: it watches its standard input, which closes when we die."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._stopped = False
        self._child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Go's scheduler would take every core of a machine that runs other tests as well.
            env={**os.environ, "GOMAXPROCS": os.environ.get("GOMAXPROCS", "2")},
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def first_line(self) -> str:
        """The line by which the child says that it is ready."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline().decode()
        if not line:
            self._child.wait()
            raise SimulatorError(self.obituary())
        return line

    def crashed(self) -> str:
        """How the child ended when nobody asked it to; "" otherwise."""
        return "" if self._stopped or self._child.poll() is None else self.obituary()

    def obituary(self) -> str:
        """How the child ended, with its last words."""
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip().splitlines()
        last = "\n".join(words[-15:])
        return f"the simulator ended with exit code {self._child.returncode}:\n{last}"

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._errors.close()


class StockVcsim:
    """Stock vcsim v0.52.0: govmomi's unmodified model, as users have it in CI."""

    def __init__(self, process: Process, url: str, credentials: tuple[str, str]) -> None:
        self._process = process
        self.url = url
        self.username, self.password = credentials
        parts = urllib.parse.urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self.host: str = parts.hostname
        self.port: int = parts.port

    @classmethod
    def start(
        cls,
        *options: str,
        username: str = "user",
        password: str = "pass",  # noqa: S107 - of a simulator on loopback
        tls: bool = True,
    ) -> Self:
        """Start it with vcsim's own options, e.g. `"-vm", "10"`."""
        process = Process(
            [
                binary("stock-vcsim"),
                *("-l", "127.0.0.1:0", "-stdinexit", f"-tls={str(tls).lower()}"),
                *("-username", username, "-password", password),
                *options,
            ]
        )
        try:
            line = process.first_line()
            found = re.search(r"GOVC_URL=(\S+)", line)
            if found is None:
                raise SimulatorError(f"stock vcsim said {line!r} instead of its URL")
        except BaseException:
            process.stop()
            raise
        parts = urllib.parse.urlsplit(found[1])
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return cls(process, plain, (username, password))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        crashed = self._process.crashed()
        self.stop()
        if crashed and kind is None:
            raise SimulatorError(crashed)

    def stop(self) -> None:
        """End it; a second call does nothing."""
        self._process.stop()
