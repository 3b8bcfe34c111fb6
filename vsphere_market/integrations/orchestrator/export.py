"""The source tree that Build Tools for VMware Aria packages and imports.

    src/main/resources/ScriptModule/net/vspheremarket/plan.xml, plan.element_info.xml,
                                                      plan.tags.xml, plan.bundle.zip, …
    src/main/resources/Workflow/vSphere Market/Plan, approve and apply.xml, …
    src/main/resources/ConfigurationElement/vSphere Market/Connection.xml, …
    bundles/plan.zip, …       for those who create the actions by hand

The same version gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from importlib import resources
from pathlib import Path

import vsphere_market
from vsphere_market.errors import UsageError
from vsphere_market.integrations.orchestrator import elements
from vsphere_market.integrations.orchestrator.catalogue import ACTIONS, WORKFLOWS
from vsphere_market.integrations.orchestrator.elements import Runtime
from vsphere_market.integrations.orchestrator.model import (
    CONFIGURATION,
    FOLDER,
    MODULE,
    stable_id,
)

__all__ = ["Runtime", "bundle", "sources", "write_sources"]

_TAGS = ("vsphere-market",)
#: The one that a zip file can hold at least: contents, not dates, tell versions apart.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle() -> bytes:
    """The zip of an action's code: ``handler.py`` at its root, and nothing to install."""
    source = resources.files(__package__).joinpath("handler.py").read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("handler.py", _EPOCH)
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, source)
    return out.getvalue()


def sources(runtime: Runtime) -> dict[str, bytes]:
    """Every file of the tree by its path with slashes."""
    version = _release(vsphere_market.__version__)
    code = bundle()
    files: dict[str, bytes] = {}
    for action in ACTIONS:
        stem = f"src/main/resources/ScriptModule/{MODULE.replace('.', '/')}/{action.name}"
        info = elements.info_xml(
            "ScriptModule", stable_id("action", action.name), MODULE, action.name
        )
        files[f"{stem}.xml"] = elements.action_xml(action, runtime, version)
        files[f"{stem}.element_info.xml"] = info
        files[f"{stem}.tags.xml"] = elements.tags_xml(_TAGS)
        files[f"{stem}.bundle.zip"] = code
        files[f"bundles/{action.name}.zip"] = code
    for workflow in WORKFLOWS:
        stem = f"src/main/resources/Workflow/{FOLDER}/{workflow.name}"
        identity = stable_id("workflow", workflow.name)
        files[f"{stem}.xml"] = elements.workflow_xml(workflow, version, ACTIONS)
        files[f"{stem}.element_info.xml"] = elements.info_xml(
            "Workflow", identity, FOLDER, workflow.name
        )
        files[f"{stem}.tags.xml"] = elements.tags_xml(_TAGS)
    stem = f"src/main/resources/ConfigurationElement/{FOLDER}/{CONFIGURATION}"
    identity = stable_id("configuration", CONFIGURATION)
    files[f"{stem}.xml"] = elements.configuration_xml(version)
    files[f"{stem}.element_info.xml"] = elements.info_xml(
        "ConfigurationElement", identity, FOLDER, CONFIGURATION
    )
    return files


def write_sources(folder: Path, runtime: Runtime) -> tuple[Path, ...]:
    """Write the tree into a folder that is new, empty, or holds an older export.

    Returns:
        The files written.

    Raises:
        UsageError: something else is in the way there.
    """
    files = sources(runtime)
    if folder.exists() and not folder.is_dir():
        raise UsageError("that is a file, not a folder", where=str(folder), cure="name a folder")
    expected = {Path(name).parts[0] for name in files}
    foreign = [entry.name for entry in folder.iterdir()] if folder.exists() else []
    if others := sorted(set(foreign) - expected):
        raise UsageError(
            f"the folder holds something else already ({others[0]})",
            where=str(folder),
            cure="name a folder that is new or holds an older export",
        )
    try:
        return tuple(_write(folder / name, content) for name, content in sorted(files.items()))
    except OSError as exc:
        raise UsageError(
            f"cannot be written: {exc.strerror}", where=str(folder), cure="name another folder"
        ) from exc


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _release(version: str) -> str:
    """Orchestrator takes versions of three numbers."""
    numbers = [*re.findall(r"\d+", version)[:3], "0", "0"]
    return ".".join(numbers[:3])
