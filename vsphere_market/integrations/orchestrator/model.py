"""Orchestrator's nouns, as far as we write them: actions, workflows and their items.

Shapes follow exported sources of Orchestrator 8 (the layout of Build Tools for VMware Aria).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

#: Module of the actions, and what ids are made from. Changing it makes new elements.
MODULE = "net.vspheremarket"
#: Folder of the workflows and of the configuration element.
FOLDER = "vSphere Market"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, MODULE)


def stable_id(kind: str, name: str) -> str:
    """The id of an element: the same at every export, so that imports replace what they renew."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


@dataclass(frozen=True, slots=True)
class Param:
    """An input, output or attribute.

    Attributes:
        name: as scripts call it.
        type: Orchestrator's type: string, number, boolean, Date, SecureString, Properties,
            VC:VirtualMachine, ….
        description: for people.
        value: default of an attribute or of a configuration's; None for none.
    """

    name: str
    type: str
    description: str = ""
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A Python action.

    Attributes:
        name: its name within :data:`MODULE`.
        function: the function of the handler that runs.
        description: for people.
        inputs: in order, after those of the connection, :data:`CONNECTION`.
    """

    name: str
    function: str
    description: str
    inputs: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """An item that runs a script.

    Attributes:
        name: shown under it.
        script: JavaScript of Orchestrator's engine (ECMAScript 5).
        reads: names of inputs and attributes that the script sees.
        writes: names of outputs and attributes that it sets.
        then: key of the next item.
    """

    name: str
    script: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    then: str


@dataclass(frozen=True, slots=True)
class Call:
    """An item that calls one of the actions.

    Attributes:
        name: shown under it.
        action: the action's name.
        arguments: names of inputs and attributes, in the order of the action's own inputs; the
            connection is added.
        result: the attribute that takes the answer.
        then: key of the next item.
    """

    name: str
    action: str
    arguments: tuple[str, ...]
    result: str
    then: str


@dataclass(frozen=True, slots=True)
class Decision:
    """An item that takes one of two ways by what its script returns."""

    name: str
    script: str
    reads: tuple[str, ...]
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class Timer:
    """An item that lets the workflow sleep until a date, without holding a thread.

    Attributes:
        name: shown under it.
        until: the attribute of type Date.
        then: key of the next item.
    """

    name: str
    until: str
    then: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """An item that waits for a person's answer.

    Attributes:
        name: shown under it.
        shows: names of attributes that the form shows.
        asks: names of attributes that the person fills in.
        then: key of the next item.
    """

    name: str
    shows: tuple[str, ...]
    asks: tuple[str, ...]
    then: str


@dataclass(frozen=True, slots=True)
class End:
    """Where a workflow ends."""


Item = Task | Call | Decision | Timer | Interaction | End


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow.

    Attributes:
        name: what people see.
        description: what it does, and what it changes.
        inputs: asked at the start.
        outputs: set at the end.
        attributes: its own variables.
        items: key -> item; the first one is where it begins.
    """

    name: str
    description: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]
    attributes: tuple[Param, ...]
    items: tuple[tuple[str, Item], ...]


#: What every action needs to reach the service; filled in once, in the configuration element.
CONNECTION: tuple[Param, ...] = (
    Param(
        "serviceUrl", "string", "Address of the service, such as https://market.example.com:8443"
    ),
    Param("token", "SecureString", "API token: vsphere-market tokens create; approver or operator"),
    Param(
        "fingerprint",
        "string",
        "SHA-256 fingerprint of the service's certificate; empty: the runtime's own trusted roots",
        "",
    ),
)
CONFIGURATION = "Connection"
