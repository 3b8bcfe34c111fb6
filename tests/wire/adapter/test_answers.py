"""Our reader of answers against pyVmomi's own: whatever comes, they read the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import SoapAdapter, VmomiSupport

from tests.faults.campaign import folder_of_run, simulator_of
from tests.faults.life import warm_up
from tests.faults.troubles import Scenario
from tests.faults.world import ALL
from vsphere_market.adapter import answers, soap


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Read every answer twice, and note what was read."""
    theirs: Any = SoapAdapter.SoapResponseDeserializer.__mro__[1]
    ours: Any = answers.Responses.Deserialize
    seen: list[str] = []

    def both(self: Any, response: Any, kind: Any, spaces: Any = None) -> Any:
        data = response.read()
        expected = theirs(self.stub).Deserialize(io.BytesIO(data), kind, spaces)
        found = ours(self, io.BytesIO(data), kind, spaces)
        assert _told(found) == _told(expected), data
        seen.append(type(found).__name__)
        return found

    assert theirs is not answers.Responses
    monkeypatch.setattr(answers.Responses, "Deserialize", both)
    yield seen


@pytest.mark.parametrize("cases", [ALL, ()])
def test_every_answer_of_a_life_is_read_as_pyvmomi_reads_it(
    cases: tuple[str, ...], compared: list[str]
) -> None:
    with folder_of_run() as folder, simulator_of(cases) as simulator:
        for method, fault in (
            ("RelocateVM_Task", "InsufficientHostMemoryCapacityFault"),
            ("QueryPerf", "NotAuthenticated"),
            ("CheckRelocate_Task", "NoPermission"),
        ):
            simulator.add_fault(where="call", fault=fault, method=method, count=1)
        simulator.add_fault(
            where="task", fault="MigrationNotReady", method="RelocateVM_Task", count=1
        )
        warm_up(simulator, Scenario(cases), folder)
    assert len(compared) > 30
    assert {"vmodl.query.PropertyCollector.RetrieveResult", "vim.UserSession"} <= set(compared)
    assert "vim.fault.InsufficientHostMemoryCapacityFault" in compared
    assert "vmodl.fault.NoPermission" in compared or "vim.fault.NoPermission" in compared


@pytest.mark.parametrize(
    ("kind", "inside", "right"),
    [
        ("vim.UserSession", "<key>k</key><userName>a&lt;b</userName>", True),
        ("vim.ElementDescription", "<key>k</key><nothing>many</nothing>", False),
        ("boolean", "maybe", False),
        ("int", "12", True),
        ("boolean", "true", True),
    ],
)
def test_what_pyvmomi_refuses_is_refused(kind: str, inside: str, right: bool) -> None:
    text = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<XResponse xmlns="urn:vim25"><returnval>{inside}</returnval></XResponse>'
        "</e:Body></e:Envelope>"
    )
    stub = soap.Stub(host="vcenter.example", version="vim.version.version9")
    expected = VmomiSupport.GetVmodlType(kind)  # type: ignore[no-untyped-call]
    ends = []
    for reader in (SoapAdapter.SoapResponseDeserializer.__mro__[1], answers.Responses):
        for _ in range(2):
            try:
                ends.append(repr(reader(stub).Deserialize(text, expected)))
            except (TypeError, ValueError, AttributeError) as error:
                ends.append(f"{type(error).__name__}: {error}")
    assert len(set(ends)) == 1
    assert ("Error" not in ends[0]) == right, ends


def _told(value: Any) -> str:
    """Everything that pyVmomi knows of a value, in its own words."""
    said = str(VmomiSupport.FormatObject(value))  # type: ignore[no-untyped-call]
    if isinstance(value, Exception):
        said += repr(value.args) + str(vars(value).keys())
    return f"{type(value)} {said}"
