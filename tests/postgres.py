"""A real PostgreSQL server for tests: one per session and worker, one schema per test."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from tools import system_parts
from vsphere_market.journal import PostgresPlace

#: Fast before safe: no test needs what it wrote after the machine has lost its power.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_START_S = 60.0


@dataclass(slots=True)
class Server:
    """A running server.

    Attributes:
        folder: its socket's folder.
        port: its TCP port on 127.0.0.1, where a password is asked for.
    """

    folder: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def sql(self, statement: str) -> None:
        """Run a statement as the server's owner."""
        with self.connect() as connection:
            connection.execute(statement.encode())

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the server's owner."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="market", dbname="postgres", autocommit=True
        )

    def place(self) -> PostgresPlace:
        """An empty schema of its own."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE SCHEMA {name}")
        return self.schema(name)

    def schema(self, name: str, **words: str) -> PostgresPlace:
        """A schema as a place for a journal."""
        query = {
            "host": str(self.folder),
            "port": str(self.port),
            "user": "market",
            "options": f"-csearch_path={name}",
            **words,
        }
        text = "&".join(f"{word}={quote(value, safe='')}" for word, value in query.items())
        return PostgresPlace(f"postgresql:///postgres?{text}")


def drop_connections(server: Server, name: str) -> None:
    """Cut all connections of programs that work with a journal in schema ``name``."""
    with server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND pid <> pg_backend_pid()",
            (name,),
        )


@contextlib.contextmanager
def running_server(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """Start a server, and stop it at the end.

    Args:
        settings: of the server.
    """
    programs = system_parts.ensure("postgresql")
    # Not pytest's own folder: its parents are closed to the user that the server needs as root.
    home = Path(tempfile.mkdtemp(prefix="vsmpg-"))
    # The server refuses to run as root, and a container has nothing else.
    user = "nobody" if os.geteuid() == 0 else None
    try:
        if user is not None:
            shutil.chown(home, user)
        data = home / "data"
        subprocess.run(
            [
                programs["initdb"],
                "--pgdata",
                data,
                "--username=market",
                "--encoding=UTF8",
                "--locale=C",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd=home,
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        options = [f"-c{name}={value}" for name, value in settings.items()]
        where = ["-D", str(data), "-k", str(home), "-p", str(port), "-h", "127.0.0.1"]
        with (home / "log").open("w") as log:
            process = subprocess.Popen(
                [programs["postgres"], *where, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                user=user,
                cwd=home,
            )
        server = Server(home, port)
        try:
            _await(server, process)
            yield server
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _await(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                log = (server.folder / "log").read_text()
                raise RuntimeError(f"PostgreSQL did not start: {log}") from None
            time.sleep(0.05)
        else:
            return
