"""Plays Orchestrator's part: runs exported workflows with their exported action bundles.

Scripts run in an ECMAScript 5 engine, actions in a Python process of their own that sees nothing
but the unzipped bundle, as the polyglot runtime has it. A waiting timer does not wait.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import dukpy

NS = {"w": "http://vmware.com/vco/workflow"}
_RUN = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module, function = sys.argv[2].split(".")
handler = getattr(importlib.import_module(module), function)
class Context:
    vcoUrl = "http://localhost:8280/vco"
    executionId = "test"
    returnType = "Properties"
    def getToken(self): return ""
try:
    answer = handler(Context(), json.load(sys.stdin))
except Exception as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(1)
json.dump(answer, sys.stdout)
"""
#: What Orchestrator's engine offers besides the language: Properties, and System.
_PRELUDE = """
function Properties(of) { this.of = of || {}; }
Properties.prototype.get = function (key) {
    return this.of.hasOwnProperty(key) ? this.of[key] : null;
};
var System = { log: function (text) { __log.push(String(text)); } };
var __log = [];
function __in(value, type) {
    if (value === null || value === undefined) { return null; }
    if (type === 'Properties') { return new Properties(value); }
    if (type === 'Date') { return new Date(value); }
    return value;
}
function __out(value) {
    if (value === undefined || value === null) { return null; }
    if (value instanceof Properties) { return value.of; }
    if (value instanceof Date) { return value.getTime(); }
    return value;
}
"""


class WorkflowFailed(Exception):
    """An item threw."""


@functools.cache
def interpreter() -> str:
    """The Python that plays Orchestrator's runtime.

    That is 3.10, as Orchestrator has it, where this machine has one, and ours where not;
    ``ORCHESTRATOR_PYTHON`` names another.
    """
    named = os.environ.get("ORCHESTRATOR_PYTHON")
    if named:
        return named
    found = shutil.which("python3.10")
    if found and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        return found
    return sys.executable


@dataclass
class Run:
    """What a workflow did.

    Attributes:
        outputs: its outputs.
        visited: display names of the items, in order.
        waits: dates of its timers.
        log: what it logged.
        variables: every variable at the end.
    """

    outputs: dict[str, Any]
    visited: list[str]
    waits: list[datetime]
    log: list[str]
    variables: dict[str, Any] = field(default_factory=dict)


class Orchestrator:
    """An Orchestrator that has imported one exported tree."""

    def __init__(self, tree: Path, connection: Mapping[str, str]) -> None:
        self.resources = tree / "src" / "main" / "resources"
        self.connection = dict(connection)
        self._folder = tempfile.TemporaryDirectory()
        self._bundles: dict[str, Path] = {}

    def close(self) -> None:
        """Forget the unzipped bundles."""
        self._folder.cleanup()

    def call(self, module: str, action: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run an action as the polyglot runtime does; WorkflowFailed with what it said."""
        stem = self.resources / "ScriptModule" / Path(*module.split(".")) / action
        root = ET.parse(stem.with_suffix(".xml")).getroot()
        entry = root.findtext("entry-point") or ""
        if action not in self._bundles:
            place = Path(self._folder.name) / action
            with zipfile.ZipFile(stem.with_suffix(".bundle.zip")) as archive:
                archive.extractall(place)
            self._bundles[action] = place
        declared = {param.get("n") for param in root.iter("param")}
        assert set(inputs) == declared, f"{action} declares {declared}, is given {set(inputs)}"
        # -I -S: neither this project nor anything that is installed here.
        done = subprocess.run(
            [interpreter(), "-I", "-S", "-c", _RUN, str(self._bundles[action]), entry],
            input=json.dumps(dict(inputs)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise WorkflowFailed(done.stderr.strip())
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        person: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        *,
        most_items: int = 400,
    ) -> Run:
        """Run a workflow to its end.

        Args:
            name: its name.
            inputs: as its form asks for them.
            person: given what an interaction shows, answers what it asks for.
            most_items: a workflow that visits more goes round in circles.
        """
        path = self.resources / "Workflow" / "vSphere Market" / f"{name}.xml"
        root = ET.parse(path).getroot()
        variables: dict[str, Any] = {
            attrib.get("name", ""): self._initial(attrib) for attrib in root.findall("w:attrib", NS)
        }
        variables |= {
            param.get("name", ""): inputs.get(param.get("name", ""))
            for param in root.findall("w:input/w:param", NS)
        }
        items = {item.get("name", ""): item for item in root.findall("w:workflow-item", NS)}
        run = Run({}, [], [], [])
        at = root.get("root-name", "")
        while (item := items[at]).get("type") != "end":
            run.visited.append(item.findtext("w:display-name", "", NS))
            assert len(run.visited) <= most_items, "the workflow does not end"
            at = self._step(item, variables, run, person)
        run.outputs = {
            param.get("name", ""): variables.get(param.get("name", ""))
            for param in root.findall("w:output/w:param", NS)
        }
        run.variables = variables
        return run

    def _initial(self, attrib: ET.Element) -> Any:
        if key := attrib.get("conf-key"):
            return self.connection.get(key, "")
        value = attrib.findtext("w:value", None, NS)
        return value == "true" if attrib.get("type") == "boolean" else value

    def _step(
        self,
        item: ET.Element,
        variables: dict[str, Any],
        run: Run,
        person: Callable[[dict[str, Any]], dict[str, Any]] | None,
    ) -> str:
        ins = [_bind(one) for one in item.findall("w:in-binding/w:bind", NS)]
        outs = [_bind(one) for one in item.findall("w:out-binding/w:bind", NS)]
        given = {name: variables.get(exported) for name, _, exported in ins}
        kind, then = item.get("type"), item.get("out-name", "")
        if kind == "waiting-timer":
            run.waits.append(datetime.fromtimestamp(float(given["timer.date"] or 0) / 1000, UTC))
        elif kind == "input":
            assert person is not None, "nobody is there to answer"
            shown = {name: value for name, value in given.items() if "." not in name}
            answer = person(shown)
            variables |= {exported: answer[name] for name, _, exported in outs}
        elif module := item.get("script-module"):
            module, _, action = module.partition("/")
            assert f'System.getModule("{module}").{action}(' in item.findtext("w:script", "", NS)
            variables[outs[0][2]] = self.call(module, action, given)
        else:
            script = item.findtext("w:script", "", NS)
            types = {name: type_ for name, type_, _ in ins}
            result, written, log = _script(script, given, types, [name for name, _, _ in outs])
            run.log += log
            variables |= {exported: written[name] for name, _, exported in outs}
            if kind == "custom-condition":
                assert isinstance(result, bool), f"a decision answers {result!r}"
                then = then if result else item.get("alt-out-name", "")
        return then


def _bind(element: ET.Element) -> tuple[str, str, str]:
    return element.get("name", ""), element.get("type", ""), element.get("export-name", "")


def _script(
    script: str, given: Mapping[str, Any], types: Mapping[str, str], outs: list[str]
) -> tuple[Any, dict[str, Any], list[str]]:
    """Run a script as the body of a function; what it returned, wrote and logged."""
    names = sorted({*given, *outs})
    declared = "".join(
        f"var {name} = __in(dukpy['{name}'], '{types.get(name, '')}');\n" for name in names
    )
    written = ", ".join(f"'{name}': __out({name})" for name in outs)
    source = (
        f"{_PRELUDE}{declared}var __thrown = null, __result = null;\n"
        f"try {{ __result = (function () {{\n{script}\n}})(); }}\n"
        "catch (error) { __thrown = String(error); }\n"
        f"({{result: __result === undefined ? null : __result, thrown: __thrown, "
        f"written: {{{written}}}, log: __log}});"
    )
    answer = dukpy.evaljs(source, **{name: given.get(name) for name in names})
    if answer["thrown"] is not None:
        raise WorkflowFailed(answer["thrown"])
    return answer["result"], answer["written"], answer["log"]
