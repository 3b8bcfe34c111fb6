"""pyVmomi against a simulator, with no more between them than login and waiting for tasks."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pyVmomi
from pyVim.connect import Disconnect, SmartStubAdapter

from tests.vcsim import Simulator, StockVcsim

# pyVmomi builds its types while it runs, so there is nothing for a type checker to know.
vim: Any = pyVmomi.vim
vmodl: Any = pyVmomi.vmodl
_stub: Any = SmartStubAdapter
_disconnect: Any = Disconnect


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ended: `fault` is the fault type's name, "" for success."""

    state: str
    fault: str
    error: Any
    result: Any

    @property
    def ok(self) -> bool:
        return self.state == "success"


def trust(simulator: Simulator) -> ssl.SSLContext:
    """A context that trusts this simulator's certificate and nothing else."""
    return ssl.create_default_context(cadata=simulator.certificate_pem)


class Soap:
    """One session."""

    def __init__(
        self, simulator: Simulator | StockVcsim, user: str = "", password: str = ""
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if isinstance(simulator, Simulator):
            context = trust(simulator)
        else:
            # Stock vcsim's certificate is one that everybody knows; there is nothing to verify.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.stub: Any = _stub(
            host=simulator.host, port=simulator.port, path="/sdk", sslContext=context
        )
        self.si: Any = vim.ServiceInstance("ServiceInstance", self.stub)
        try:
            self.content: Any = self.si.RetrieveContent()
            self.content.sessionManager.Login(
                user or simulator.username, password or simulator.password, None
            )
        except BaseException:
            self.stub.DropConnections()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Log out, unless the session is gone, and close the connections."""
        try:
            _disconnect(self.si)
        finally:
            self.stub.DropConnections()

    def vm(self, moid: str) -> Any:
        return vim.VirtualMachine(moid, self.stub)

    def host(self, moid: str) -> Any:
        return vim.HostSystem(moid, self.stub)

    def pool(self, moid: str) -> Any:
        return vim.ResourcePool(moid, self.stub)

    def cluster(self, moid: str) -> Any:
        return vim.ClusterComputeResource(moid, self.stub)

    def task(self, moid: str) -> Any:
        return vim.Task(moid, self.stub)

    def read(self, objects: Iterable[Any], paths: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Leaf properties by object id, by the property collector; absent ones are left out."""
        listed, wanted = list(objects), list(paths)
        spec = vmodl.query.PropertyCollector.FilterSpec(
            objectSet=[vmodl.query.PropertyCollector.ObjectSpec(obj=o) for o in listed],
            propSet=[
                vmodl.query.PropertyCollector.PropertySpec(type=kind, pathSet=wanted)
                for kind in {type(o) for o in listed}
            ],
        )
        options = vmodl.query.PropertyCollector.RetrieveOptions()
        found = self.content.propertyCollector.RetrievePropertiesEx([spec], options)
        return {o.obj._moId: {p.name: p.val for p in o.propSet} for o in found.objects}

    def wait(self, task: Any, seconds: float = 20.0) -> Ending:
        """Wait for a task's end."""
        deadline = time.monotonic() + seconds
        while True:
            info = task.info
            if info.state in ("success", "error"):
                name = type(info.error).__name__.rpartition(".")[2] if info.error else ""
                return Ending(info.state, name, info.error, info.result)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task._moId} is still {info.state} after {seconds} s")
            time.sleep(0.01)

    def relocate(self, vm: str, host: str, **more: Any) -> Ending:
        """Move a VM and wait."""
        return self.wait(self.start_relocate(vm, host, **more))

    def start_relocate(self, vm: str, host: str, **more: Any) -> Any:
        """Start to move a VM."""
        return self.vm(vm).RelocateVM_Task(vim.vm.RelocateSpec(host=self.host(host), **more))

    def reconfigure(self, vm: str, **spec: Any) -> Ending:
        """Change a VM's configuration and wait."""
        return self.wait(self.start_reconfigure(vm, **spec))

    def start_reconfigure(self, vm: str, **spec: Any) -> Any:
        """Start to change a VM's configuration."""
        return self.vm(vm).ReconfigVM_Task(vim.vm.ConfigSpec(**spec))

    def check_relocate(self, vm: str, host: str, **more: Any) -> Any:
        """The one result of CheckRelocate_Task."""
        checker = self.content.vmProvisioningChecker
        tests = more.pop("tests", None)
        spec = vim.vm.RelocateSpec(host=self.host(host), **more)
        ending = self.wait(checker.CheckRelocate_Task(self.vm(vm), spec, tests))
        assert ending.ok, ending
        [result] = ending.result
        return result


def allocation(**fields: Any) -> Any:
    """A partial memory allocation."""
    return vim.ResourceAllocationInfo(**fields)


def fault_names(faults: Iterable[Any]) -> list[str]:
    """The type names of faults, without their package."""
    return [type(fault).__name__.rpartition(".")[2] for fault in faults]


def options(values: Mapping[str, str]) -> list[Any]:
    """Advanced settings."""
    return [vim.option.OptionValue(key=key, value=value) for key, value in values.items()]
