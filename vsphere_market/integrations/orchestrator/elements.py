"""Orchestrator's XML: actions, workflows, the configuration element, and their companions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from xml.etree import ElementTree as ET

from vsphere_market.integrations.orchestrator.model import (
    CONFIGURATION,
    CONNECTION,
    MODULE,
    Action,
    Call,
    Decision,
    End,
    Interaction,
    Item,
    Param,
    Task,
    Timer,
    Workflow,
    stable_id,
)

#: Limits of one run of an action.
MEMORY_BYTES = 64_000_000
TIMEOUT_S = 180

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_WORKFLOW = "http://vmware.com/vco/workflow"
#: Distance of the items on the canvas.
_COLUMN, _ROW, _PER_ROW = 160.0, 110.0, 6
#: Who may answer, and until when: Orchestrator's own names. Empty attributes mean the user who
#: started the workflow, without end.
_SECURITY: tuple[tuple[str, str, str], ...] = (
    ("security.assignees", "Array/LdapUser", "securityAssignees"),
    ("security.assignee.groups", "Array/LdapGroup", "securityAssigneeGroups"),
    ("security.group", "LdapGroup", "securityGroup"),
    ("timeout.date", "Date", "timeoutDate"),
)


class Runtime(StrEnum):
    """Python runtimes of Orchestrator."""

    #: Releases 8.14 and later.
    PYTHON_3_10 = "python:3.10"
    #: Releases 8.1 to 8.13.
    PYTHON_3_7 = "python:3.7"


def action_xml(action: Action, runtime: Runtime, version: str) -> bytes:
    """An action; its code is in the bundle beside it."""
    root = ET.Element(
        "dunes-script-module",
        {
            "name": action.name,
            "result-type": "Properties",
            "api-version": "6.0.0",
            "id": stable_id("action", action.name),
            "version": version,
            "allowed-operations": "vfe",
            "memory-limit": str(MEMORY_BYTES),
            "timeout": str(TIMEOUT_S),
        },
    )
    ET.SubElement(root, "description").text = action.description
    ET.SubElement(root, "runtime").text = runtime.value
    ET.SubElement(root, "entry-point").text = f"handler.{action.function}"
    for param in (*CONNECTION, *action.inputs):
        ET.SubElement(root, "param", {"n": param.name, "t": param.type}).text = param.description
    return _document(root)


def configuration_xml(version: str) -> bytes:
    """The configuration element that holds address, token and fingerprint. The token is empty."""
    root = ET.Element(
        "config-element",
        {"id": stable_id("configuration", CONFIGURATION), "version": version},
    )
    ET.SubElement(root, "display-name").text = CONFIGURATION
    atts = ET.SubElement(root, "atts")
    for param in CONNECTION:
        att = ET.SubElement(
            atts, "att", {"name": param.name, "type": param.type, "read-only": "false"}
        )
        ET.SubElement(att, "description").text = param.description
    return _document(root)


def workflow_xml(workflow: Workflow, version: str, actions: Sequence[Action]) -> bytes:
    """A workflow. Its connection attributes are bound to the configuration element."""
    ET.register_namespace("xsi", _XSI)
    numbers = {key: f"item{place}" for place, key in enumerate(_keys_end_first(workflow))}
    root = ET.Element(
        "workflow",
        {
            "xmlns": _WORKFLOW,
            f"{{{_XSI}}}schemaLocation": f"{_WORKFLOW} {_WORKFLOW}/Workflow-v4.xsd",
            "root-name": numbers[workflow.items[0][0]],
            "object-name": "workflow:name=generic",
            "id": stable_id("workflow", workflow.name),
            "version": version,
            "api-version": "6.0.0",
            "restartMode": "1",
            "resumeFromFailedMode": "0",
        },
    )
    ET.SubElement(root, "display-name").text = workflow.name
    ET.SubElement(root, "description").text = workflow.description
    _position(root, 50.0, 100.0)
    _params(ET.SubElement(root, "input"), workflow.inputs)
    _params(ET.SubElement(root, "output"), workflow.outputs)
    for param in CONNECTION:
        ET.SubElement(
            root,
            "attrib",
            {
                "name": param.name,
                "type": param.type,
                "read-only": "true",
                "conf-id": stable_id("configuration", CONFIGURATION),
                "conf-key": param.name,
            },
        )
    for param in attributes_of(workflow):
        attrib = ET.SubElement(
            root, "attrib", {"name": param.name, "type": param.type, "read-only": "false"}
        )
        if param.value is not None:
            ET.SubElement(attrib, "value", {"encoded": "n"}).text = param.value
        ET.SubElement(attrib, "description").text = param.description
    types = types_of(workflow)
    by_name = {action.name: action for action in actions}
    for place, (key, item) in enumerate(workflow.items):
        _item(root, (numbers, key), item, types, by_name)
        _position(root[-1], 50.0 + _ROW * (place // _PER_ROW), 100.0 + _COLUMN * (place % _PER_ROW))
    presentation = ET.SubElement(root, "presentation")
    for param in workflow.inputs:
        shown = ET.SubElement(presentation, "p-param", {"name": param.name})
        ET.SubElement(shown, "desc").text = param.description
    return _document(root)


def info_xml(kind: str, element_id: str, folder: str, name: str) -> bytes:
    """``.element_info.xml``: what Build Tools read of an element."""
    root = ET.Element("properties")
    ET.SubElement(root, "comment").text = "UTF-16"
    entries = {"categoryPath": folder, "name": name, "type": kind, "id": element_id}
    for key, value in entries.items():
        ET.SubElement(root, "entry", {"key": key}).text = value
    body = ET.tostring(root, encoding="unicode")
    head = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        '<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">\n'
    )
    return (head + body + "\n").encode()


def tags_xml(tags: Iterable[str]) -> bytes:
    """``.tags.xml``: global tags of an element."""
    root = ET.Element("tags")
    for tag in tags:
        ET.SubElement(root, "tag", {"name": tag, "global": "true"})
    return _document(root)


def attributes_of(workflow: Workflow) -> tuple[Param, ...]:
    """A workflow's own attributes, with those that its interactions need."""
    if not any(isinstance(item, Interaction) for _, item in workflow.items):
        return workflow.attributes
    return (
        *workflow.attributes,
        *(Param(name, type_, "Who may answer, and until when") for _, type_, name in _SECURITY),
    )


def types_of(workflow: Workflow) -> dict[str, str]:
    """Type of every name that a workflow's items may use."""
    known = (*CONNECTION, *workflow.inputs, *workflow.outputs, *attributes_of(workflow))
    return {param.name: param.type for param in known}


# ------------------------------------------------------------------ items


def _item(
    root: ET.Element,
    place: tuple[dict[str, str], str],
    item: Item,
    types: dict[str, str],
    actions: dict[str, Action],
) -> None:
    numbers, key = place
    element = ET.SubElement(root, "workflow-item", {"name": numbers[key]})
    match item:
        case End():
            element.attrib |= {"type": "end", "end-mode": "0"}
        case Task():
            element.attrib |= {"out-name": numbers[item.then], "type": "task"}
            _named(element, item.name, item.script)
            _binds(element, "in-binding", [(name, name) for name in item.reads], types)
            _binds(element, "out-binding", [(name, name) for name in item.writes], types)
        case Call():
            action = actions[item.action]
            element.attrib |= {
                "out-name": numbers[item.then],
                "type": "task",
                "script-module": f"{MODULE}/{action.name}",
            }
            inputs = [param.name for param in (*CONNECTION, *action.inputs)]
            values = [*(param.name for param in CONNECTION), *item.arguments]
            called = f'System.getModule("{MODULE}").{action.name}({", ".join(inputs)})'
            _named(element, item.name, f"actionResult = {called};")
            _binds(element, "in-binding", list(zip(inputs, values, strict=True)), types)
            _binds(element, "out-binding", [("actionResult", item.result)], types)
        case Decision():
            element.attrib |= {
                "out-name": numbers[item.yes],
                "alt-out-name": numbers[item.no],
                "type": "custom-condition",
            }
            _named(element, item.name, item.script)
            _binds(element, "in-binding", [(name, name) for name in item.reads], types)
            ET.SubElement(element, "out-binding")
        case Timer():
            element.attrib |= {"out-name": numbers[item.then], "type": "waiting-timer"}
            _named(element, item.name)
            _binds(element, "in-binding", [("timer.date", item.until)], types)
            ET.SubElement(element, "out-binding")
        case Interaction():
            _interaction(element, item, numbers, types)


def _interaction(
    element: ET.Element, item: Interaction, numbers: dict[str, str], types: dict[str, str]
) -> None:
    element.attrib |= {"out-name": numbers[item.then], "type": "input"}
    _named(element, item.name)
    shown = [(name, name) for name in item.shows]
    _binds(element, "in-binding", [*((bind, name) for bind, _, name in _SECURITY), *shown], types)
    _binds(element, "out-binding", [(name, name) for name in item.asks], types)
    presentation = ET.SubElement(element, "presentation")
    for name in (*item.shows, *item.asks):
        ET.SubElement(ET.SubElement(presentation, "p-param", {"name": name}), "desc").text = name


def _named(element: ET.Element, name: str, script: str | None = None) -> None:
    ET.SubElement(element, "display-name").text = name
    if script is not None:
        ET.SubElement(element, "script", {"encoded": "false"}).text = script


def _binds(
    element: ET.Element, kind: str, names: list[tuple[str, str]], types: dict[str, str]
) -> None:
    parent = ET.SubElement(element, kind)
    for name, exported in names:
        ET.SubElement(
            parent, "bind", {"name": name, "type": types[exported], "export-name": exported}
        )


def _params(parent: ET.Element, params: Iterable[Param]) -> None:
    for param in params:
        element = ET.SubElement(parent, "param", {"name": param.name, "type": param.type})
        ET.SubElement(element, "description").text = param.description


def _position(element: ET.Element, y: float, x: float) -> None:
    ET.SubElement(element, "position", {"y": str(y), "x": str(x)})


def _keys_end_first(workflow: Workflow) -> list[str]:
    """Keys with the end first: Orchestrator keeps ``item0`` for it."""
    ends = [key for key, item in workflow.items if isinstance(item, End)]
    return ends + [key for key, item in workflow.items if not isinstance(item, End)]


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return body + b"\n"
