"""What is exported for Orchestrator holds together: XML, bindings, ids, bundles."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.orchestrator import NS
from vsphere_market.errors import UsageError
from vsphere_market.integrations.orchestrator import Runtime, write_sources
from vsphere_market.integrations.orchestrator.catalogue import ACTIONS, WORKFLOWS
from vsphere_market.integrations.orchestrator.elements import types_of
from vsphere_market.integrations.orchestrator.export import bundle, sources
from vsphere_market.integrations.orchestrator.model import CONNECTION, Workflow

#: Whoever imported an element must be able to renew it: these never change.
IDS = {
    "ConfigurationElement/Connection": "e20e3f57-ddf4-5066-a31c-8cd000d093cc",
    "ScriptModule/apply": "65f31135-9b6c-59ff-8e25-889fbe1b3864",
    "ScriptModule/approve": "a774e3f3-ca04-57dd-bd8b-5c66bc1cff94",
    "ScriptModule/execution": "3bd636ef-ac85-598e-9b06-4218eb36de00",
    "ScriptModule/explain": "783b5b4e-b50c-5718-ad51-d5cc81325eac",
    "ScriptModule/plan": "df26b44e-a8d8-538a-9374-196e5ff23d89",
    "ScriptModule/show": "519ab094-030e-5f17-ba0c-388d8a6d5121",
    "ScriptModule/status": "b7e9d67c-48ff-5af5-9dac-e7513a7ce7fd",
    "Workflow/Explain a VM": "be86c699-26ac-58d0-a30f-813192c074a9",
    "Workflow/Plan for a VM on an alert": "93b2f61b-2958-5192-9a54-a9007437ee1c",
    "Workflow/Plan, approve and apply": "f6b16ddc-f12b-566d-ae85-a4cac71624bf",
}
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_LANGUAGE = {"new", "Date", "return", "true", "false", "if", "throw", "System", "null"}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sources(Runtime.PYTHON_3_10)


@pytest.fixture(params=WORKFLOWS, ids=lambda workflow: str(workflow.name))
def document(request: pytest.FixtureRequest, files: dict[str, bytes]) -> ET.Element:
    workflow: Workflow = request.param
    return ET.fromstring(files[f"src/main/resources/Workflow/vSphere Market/{workflow.name}.xml"])


def _items(document: ET.Element) -> dict[str, ET.Element]:
    return {item.get("name", ""): item for item in document.findall("w:workflow-item", NS)}


def _next(item: ET.Element) -> list[str]:
    return [name for key in ("out-name", "alt-out-name") if (name := item.get(key))]


def test_every_file_of_an_element_is_there(files: dict[str, bytes]) -> None:
    stems = {name.removesuffix(".element_info.xml") for name in files if ".element_info" in name}
    assert len(stems) == len(ACTIONS) + len(WORKFLOWS) + 1
    for stem in stems:
        info = ET.fromstring(files[f"{stem}.element_info.xml"])
        entries = {entry.get("key"): entry.text for entry in info.iter("entry")}
        element = ET.fromstring(files[f"{stem}.xml"])
        assert entries["id"] == element.get("id")
        assert entries["name"] == Path(stem).name
    ids = [ET.fromstring(files[f"{stem}.xml"]).get("id") for stem in stems]
    assert len(set(ids)) == len(ids)


def test_ids_are_those_of_the_first_release(files: dict[str, bytes]) -> None:
    found = {}
    for name, content in files.items():
        if name.endswith(".element_info.xml"):
            entries = {e.get("key"): e.text for e in ET.fromstring(content).iter("entry")}
            found[f"{entries['type']}/{entries['name']}"] = entries["id"]
    assert found == IDS


def test_a_bundle_holds_the_handler_and_needs_nothing_else() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert archive.namelist() == ["handler.py"]
        tree = ast.parse(archive.read("handler.py"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= sys.stdlib_module_names
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {action.function for action in ACTIONS} <= functions


def test_the_handler_runs_on_the_oldest_runtime(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        archive.extractall(tmp_path)
    vermin = Path(sys.executable).with_name("vermin")
    found = subprocess.run(
        [str(vermin), "--no-tips", "-t=3.7-", "-vvv", str(tmp_path / "handler.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_the_same_version_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    assert sources(Runtime.PYTHON_3_10) == files


@pytest.mark.parametrize("runtime", Runtime)
def test_actions_name_their_runtime_and_entry_point(runtime: Runtime) -> None:
    tree = sources(runtime)
    for action in ACTIONS:
        element = ET.fromstring(
            tree[f"src/main/resources/ScriptModule/net/vspheremarket/{action.name}.xml"]
        )
        assert element.findtext("runtime") == runtime.value
        assert element.findtext("entry-point") == f"handler.{action.function}"
        names = [param.get("n") for param in element.iter("param")]
        assert names == [param.name for param in (*CONNECTION, *action.inputs)]


def test_the_token_is_exported_empty(files: dict[str, bytes]) -> None:
    name = "src/main/resources/ConfigurationElement/vSphere Market/Connection.xml"
    atts = {att.get("name"): att for att in ET.fromstring(files[name]).iter("att")}
    assert atts["token"].get("type") == "SecureString"
    assert all(att.find("value") is None for att in atts.values())


def test_items_are_linked_and_every_way_ends(document: ET.Element) -> None:
    items = _items(document)
    reached, left = set(), [document.get("root-name", "")]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += _next(items[name])
    assert reached == set(items), "an item that nobody comes to"
    ends = {name for name, item in items.items() if item.get("type") == "end"}
    assert ends == {"item0"}
    ending = set(ends)
    while more := {n for n, item in items.items() if n not in ending and ending & {*_next(item)}}:
        ending |= more
    assert ending == set(items), "an item from which there is no way to the end"


def test_bindings_name_what_is_declared_with_its_type(document: ET.Element) -> None:
    workflow = next(
        one for one in WORKFLOWS if one.name == document.findtext("w:display-name", "", NS)
    )
    declared = types_of(workflow)
    binds = list(document.iter(f"{{{NS['w']}}}bind"))
    assert binds
    for bind in binds:
        assert declared[bind.get("export-name", "")] == bind.get("type")
    inputs = {param.name for param in (*workflow.inputs, *CONNECTION)}
    written = {
        bind.get("export-name")
        for bind in document.findall("w:workflow-item/w:out-binding/w:bind", NS)
    }
    assert not written & inputs, "inputs are not to be overwritten"
    assert {param.name for param in workflow.outputs} <= written


def test_scripts_use_what_is_bound_and_nothing_else(document: ET.Element) -> None:
    for item in _items(document).values():
        script = item.findtext("w:script", None, NS)
        if script is None or item.get("script-module"):
            continue
        bound = {
            bind.get("name")
            for kind in ("in-binding", "out-binding")
            for bind in item.findall(f"w:{kind}/w:bind", NS)
        }
        code = re.sub(r"\.\s*[A-Za-z_$]+", "", _STRING.sub("''", script))
        used = set(_WORD.findall(code)) - _LANGUAGE
        assert used <= bound, f"{used - bound} in {script}"


def test_waiting_holds_no_thread(document: ET.Element) -> None:
    text = ET.tostring(document, encoding="unicode")
    assert "System.sleep" not in text
    timers = [i for i in _items(document).values() if i.get("type") == "waiting-timer"]
    for timer in timers:
        (bind,) = timer.findall("w:in-binding/w:bind", NS)
        assert (bind.get("name"), bind.get("type")) == ("timer.date", "Date")


def test_an_export_can_be_written_over_an_older_one(tmp_path: Path) -> None:
    first = write_sources(tmp_path / "vro", Runtime.PYTHON_3_7)
    again = write_sources(tmp_path / "vro", Runtime.PYTHON_3_10)
    assert first == again
    assert (
        b"python:3.10"
        in (
            tmp_path / "vro/src/main/resources/ScriptModule/net/vspheremarket/plan.xml"
        ).read_bytes()
    )


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(UsageError, match="holds something else already"):
        write_sources(tmp_path, Runtime.PYTHON_3_10)
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
    with pytest.raises(UsageError, match="that is a file"):
        write_sources(tmp_path / "letters", Runtime.PYTHON_3_10)
