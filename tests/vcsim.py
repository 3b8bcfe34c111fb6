"""Start and drive the vCenter simulator of `mocks/vcsim`, and stock vcsim beside it.

`Simulator` serves a snapshot over SOAP on a free port of loopback and ends with the test process,
however that ends. Its methods are the verbs of the control endpoint (see `mocks/README.md`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import tempfile
import threading
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.vcsim_process import Process, SimulatorError, StockVcsim, binary
from tests.vcsim_state import (
    Call,
    EndedTask,
    FaultRule,
    HostState,
    Place,
    PoolState,
    RunningTask,
    Sample,
    State,
    TaskKind,
    VmState,
)
from vsphere_market.estate import Snapshot, snapshot_to_json

__all__ = [
    "Call",
    "EndedTask",
    "FaultRule",
    "HostState",
    "Place",
    "PoolState",
    "RunningTask",
    "Sample",
    "Simulator",
    "SimulatorError",
    "State",
    "StockVcsim",
    "TaskKind",
    "VmState",
]


class Simulator:
    """A running simulator. Use it as a context manager, or call `stop`."""

    def __init__(
        self, process: Process, ready: Mapping[str, Any], folder: Any, credentials: tuple[str, str]
    ) -> None:
        self._process = process
        self._folder = folder
        self._control: str = ready["control"]
        self._token: str = ready["token"]
        self.url: str = ready["url"]
        self.pid: int = ready["pid"]
        self.certificate_sha256: str = ready.get("certificate_sha256", "")
        self.certificate_pem: str = ready.get("certificate_pem", "")
        self._lines: dict[tuple[int, int], http.client.HTTPConnection] = {}
        self.username, self.password = credentials
        parts = urllib.parse.urlsplit(self.url)
        assert parts.hostname is not None and parts.port is not None
        self.host: str = parts.hostname
        self.port: int = parts.port

    @classmethod
    def start(
        cls,
        estate: Path | Snapshot | Mapping[str, Any],
        *,
        username: str = "administrator@vsphere.local",
        password: str = "s3cret",  # noqa: S107 - of a simulator on loopback
        tls: bool = True,
        certificate: tuple[Path, Path] | None = None,
        hold_samples: bool = False,
        few_counters: bool = False,
        time: datetime | Literal["wall", "estate"] = "wall",
        rate: float = 1.0,
        seed: int = 1,
        listen: str = "127.0.0.1:0",
    ) -> Self:
        """Start a simulator of an estate: a snapshot, its file, or its document.

        Args:
            estate: what to serve.
            username: the administrator, who may do everything.
            password: the administrator's password.
            tls: serve with TLS, by a certificate made at start unless one is given.
            certificate: PEM files of certificate and key.
            hold_samples: repeat the last sample of every counter every 20 s until now.
            few_counters: list only the counters that the estate has, which makes logins cheap.
            time: where the clock starts: wall clock, the estate's `taken_at`, or an instant.
            rate: simulated seconds per second; 0 stands still until `advance`.
            seed: of the probabilities of fault rules.
            listen: address of the SOAP endpoint.

        Raises:
            SimulatorError: the program is not built or does not start; the message says why.
        """
        program = binary("vcsim")
        folder = tempfile.TemporaryDirectory(prefix="vsphere-market-vcsim-")
        try:
            file = _estate_file(estate, Path(folder.name))
            command: list[str | Path] = [
                program,
                *("-estate", file, "-listen", listen, "-exit-with-parent"),
                *("-username", username, "-password", password),
                *(f"-tls={str(tls).lower()}", f"-hold-samples={str(hold_samples).lower()}"),
                f"-few-counters={str(few_counters).lower()}",
                *("-time", time if isinstance(time, str) else _rfc3339(time)),
                *("-rate", str(rate), "-seed", str(seed)),
            ]
            if certificate is not None:
                command += ["-cert", certificate[0], "-key", certificate[1]]
            process = Process(command)
            try:
                ready = json.loads(process.first_line())
            except BaseException:
                process.stop()
                raise
        except BaseException:
            folder.cleanup()
            raise
        return cls(process, ready, folder, (username, password))

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
        """End the simulator; a second call does nothing."""
        self._hang_up()
        self._process.stop()
        self._folder.cleanup()

    def check_alive(self) -> None:
        """Raise SimulatorError with exit code and last words when the simulator has died."""
        if crashed := self._process.crashed():
            raise SimulatorError(crashed)

    # ------------------------------------------------------------ what vCenter shows

    def state(self) -> State:
        """Placement, sizes, reservations and running tasks, as vCenter believes them."""
        raw = self._request("GET", "/state")
        return State(
            vms={moid: VmState(**_frozen(row)) for moid, row in raw["vms"].items()},
            hosts={moid: HostState(**_frozen(row)) for moid, row in raw["hosts"].items()},
            pools={moid: PoolState(**_frozen(row)) for moid, row in raw["pools"].items()},
            tasks=tuple(RunningTask(**row) for row in raw["tasks"]),
        )

    def ended_tasks(self) -> tuple[EndedTask, ...]:
        """Every task that has ended, in that order."""
        return tuple(EndedTask(**row) for row in self._request("GET", "/tasks")["ended"])

    def calls(self, method: str = "", since: int = 0) -> tuple[Call, ...]:
        """The SOAP calls after number `since`, of one method if that is given."""
        rows = self._request("GET", f"/calls?since={since}")
        calls = (Call(**{**row, "time": _instant(row["time"])}) for row in rows)
        return tuple(call for call in calls if method in ("", call.method))

    def clear_calls(self) -> None:
        """Forget the calls seen so far."""
        self._request("DELETE", "/calls")

    # ------------------------------------------------------------ counters and time

    def counters(
        self,
        *,
        vms: Mapping[str, Sample] | None = None,
        hosts: Mapping[str, Sample] | None = None,
        quick_stats: Mapping[str, Mapping[str, int]] | None = None,
        time: datetime | None = None,
    ) -> None:
        """Append one sample per entity, at `time` or now.

        quickStats follow from the counters; `quick_stats` overrides single figures by API name.
        """
        body: dict[str, Any] = {"vms": vms or {}, "hosts": hosts or {}}
        if quick_stats:
            body["quick_stats"] = quick_stats
        if time is not None:
            body["time"] = _rfc3339(time)
        self._request("POST", "/counters", body)

    def forget_counters(self, moid: str = "") -> None:
        """Drop all samples and quick figures of an entity, or of all."""
        self._request("DELETE", f"/counters?moid={urllib.parse.quote(moid)}")

    def now(self) -> datetime:
        """The simulator's clock."""
        return _instant(self._request("GET", "/clock")["now"])

    def set_clock(self, at: datetime | None = None, *, rate: float | None = None) -> datetime:
        """Set the clock, its rate, or both."""
        body: dict[str, Any] = {}
        if at is not None:
            body["set"] = _rfc3339(at)
        if rate is not None:
            body["rate"] = rate
        return _instant(self._request("POST", "/clock", body)["now"])

    def advance(self, seconds: float) -> datetime:
        """Move the clock; tasks whose time is over then end."""
        return _instant(self._request("POST", "/clock", {"advance_s": seconds})["now"])

    # ------------------------------------------------------------ behaviour

    def settings(self, **values: Any) -> Mapping[str, Any]:
        """Change settings by name and return all; without arguments just return them."""
        answer: Mapping[str, Any] = self._request("POST", "/settings", values)
        return answer

    def task_seconds(self, **seconds: float) -> None:
        """How long tasks of a kind run, e.g. `task_seconds(relocate=5)`; see `TaskKind`."""
        self._request("POST", "/settings", {"task_seconds": seconds})

    def add_fault(
        self,
        *,
        where: Place = "call",
        fault: str = "",
        method: str = "",
        object: str = "",
        type: str = "",
        user: str = "",
        detail: Mapping[str, Any] | None = None,
        message: str = "",
        status: int = 0,
        delay_s: float = 0.0,
        probability: float | None = None,
        skip: int = 0,
        count: int = 0,
    ) -> FaultRule:
        """Make calls go wrong: the first `skip` that match pass, then `count` at most do not."""
        body = {
            "where": where,
            "fault": fault,
            "method": method,
            "object": object,
            "type": type,
            "user": user,
            "message": message,
            "status": status,
            "delay_s": delay_s,
            "skip": skip,
            "count": count,
        }
        if detail is not None:
            body["detail"] = detail
        if probability is not None:
            body["probability"] = probability
        return FaultRule(**self._request("POST", "/faults", body))

    def faults(self) -> tuple[FaultRule, ...]:
        """All rules, with what they have struck so far."""
        return tuple(FaultRule(**row) for row in self._request("GET", "/faults"))

    def remove_fault(self, rule: FaultRule) -> None:
        """Take a rule away; calls and tasks that hang on it go on."""
        self._request("DELETE", f"/faults/{rule.id}")

    def clear_faults(self) -> None:
        """Take all rules away."""
        self._request("DELETE", "/faults")

    def seed(self, seed: int) -> None:
        """Restart the random numbers of the probabilities."""
        self._request("POST", "/seed", {"seed": seed})

    def add_user(
        self,
        user: str,
        password: str,
        privileges: Sequence[str],
        objects: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """An account that may do what is listed, with other lists on single objects."""
        self._request(
            "POST",
            "/users",
            {
                "user": user,
                "password": password,
                "privileges": list(privileges),
                "objects": {moid: list(names) for moid, names in (objects or {}).items()},
            },
        )

    def kill_sessions(self, user: str = "") -> int:
        """End the sessions of a user, or all; returns how many."""
        killed: int = self._request("POST", "/sessions/kill", {"user": user})["killed"]
        return killed

    def set_host(
        self,
        moid: str,
        *,
        connection: str | None = None,
        maintenance: bool | None = None,
        quarantine: bool | None = None,
        power: str | None = None,
        vmotion: bool | None = None,
        standby: bool | None = None,
    ) -> None:
        """Change a host from outside; VMs of a host that is away are disconnected."""
        self._request(
            "POST",
            f"/hosts/{urllib.parse.quote(moid)}",
            _given(
                connection=connection,
                maintenance=maintenance,
                quarantine=quarantine,
                power=power,
                vmotion=vmotion,
                standby=standby,
            ),
        )

    def recommend(self, cluster: str, moves: Mapping[str, str], key: str = "") -> str:
        """Let the cluster's DRS recommend moves, VM to host; returns the recommendation's key."""
        answer = self._request(
            "POST",
            f"/clusters/{urllib.parse.quote(cluster)}/recommendations",
            {"key": key, "moves": [{"vm": vm, "target": to} for vm, to in moves.items()]},
        )
        return str(answer["key"])

    def set_vm(
        self,
        moid: str,
        *,
        host: str | None = None,
        size_mib: int | None = None,
        reservation_mib: int | None = None,
        limit_mib: int | None = None,
        tools_running: bool | None = None,
    ) -> None:
        """Change a VM as another administrator would, asking nobody."""
        self._request(
            "POST",
            f"/vms/{urllib.parse.quote(moid)}",
            _given(
                host=host,
                size_mib=size_mib,
                reservation_mib=reservation_mib,
                limit_mib=limit_mib,
                tools_running=tools_running,
            ),
        )

    def down(self, how: Literal["drop", "503", "gone"] = "drop") -> None:
        """Make vCenter unreachable; hosts and running tasks go on.

        `gone` is what a killed process looks like: connections are reset, new ones refused.
        """
        self._request("POST", "/down", {"how": how})

    def up(self) -> None:
        """Bring vCenter back."""
        self._request("POST", "/down", {"how": ""})

    def restart(self) -> None:
        """Restart vCenter's service: sessions are gone and running tasks are said to have failed.

        The hosts finish those tasks all the same.
        """
        self._request("POST", "/restart", {})

    def reset(self) -> None:
        """Take back faults, settings, users, calls and `down`; the estate stays as it is."""
        self._request("POST", "/reset", {})

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            connection = self._connection()
            connection.request(method, path, data, headers)
            with connection.getresponse() as answer:
                status, text = answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as exc:
            self._connection().close()
            self.check_alive()
            raise SimulatorError(f"{method} {path}: {exc}") from exc
        if status >= http.HTTPStatus.BAD_REQUEST:
            with contextlib.suppress(ValueError):
                text = json.loads(text)["error"]
            raise SimulatorError(f"{method} {path}: {text.strip()}")
        return json.loads(text)

    def _connection(self) -> http.client.HTTPConnection:
        """The connection to the control endpoint of this thread of this process.

        A connection that a parent opened before it forked is the parent's.
        """
        key = os.getpid(), threading.get_ident()
        if key not in self._lines:
            parts = urllib.parse.urlsplit(self._control)
            assert parts.hostname is not None
            line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            self._lines[key] = line
        return self._lines[key]

    def _hang_up(self) -> None:
        """Close the connections to the control endpoint; the next request opens a new one."""
        while self._lines:
            self._lines.popitem()[1].close()


def _estate_file(estate: Path | Snapshot | Mapping[str, Any], folder: Path) -> Path:
    if isinstance(estate, Path):
        return estate
    document = snapshot_to_json(estate) if isinstance(estate, Snapshot) else estate
    file = folder / "estate.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in row.items()}


def _rfc3339(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _instant(text: str) -> datetime:
    # Go writes nanoseconds, datetime knows microseconds.
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
