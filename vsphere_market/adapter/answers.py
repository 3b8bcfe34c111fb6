"""Reading answers as pyVmomi does, in a fraction of the time.

Most of what an observation costs is pyVmomi's reading of XML: for every element it looks up types
by name, walks base classes, builds an object property by property and checks the value's type. All
of that depends on the element's place among types alone, and an answer with a million elements has
a few dozen of these. So pyVmomi is asked once for each, and what it did is remembered; what a
memory cannot hold (faults, lists that stand empty, foreign prefixes) is left to it every time.
``tests/wire/adapter/test_answers.py`` holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyVmomi import SoapAdapter, VmomiSupport

_XSI_TYPE: str = SoapAdapter.XSI_TYPE
_ManagedObject: Any = VmomiSupport.ManagedObject
_DataObject: Any = VmomiSupport.DataObject
_LocalizedMethodFault: Any = SoapAdapter.LocalizedMethodFault

_WORDS = {"true": True, "1": True, "false": False, "0": False}
#: Plain types -> how their text is read, or None where that is left to pyVmomi.
_READ: dict[Any, Callable[[str], Any] | None] = {str: str, bool: _WORDS.__getitem__}
_NUMBERS: tuple[Any, ...] = (int, float)


def _how_read(kind: Any) -> Callable[[str], Any] | None:
    """How the text of a plain type is read; pyVmomi reads what is not here by itself."""
    if issubclass(kind, _NUMBERS) or (
        issubclass(kind, str) and not issubclass(kind, VmomiSupport.Enum)
    ):
        read: Callable[[str], Any] = kind
        return read
    return None


class _Blueprint:
    """How an empty object of a type looks, worked out once."""

    __slots__ = ("_kind", "_lists", "_values")

    def __init__(self, kind: Any) -> None:
        values = vars(kind())
        self._kind = kind
        self._lists = [(name, type(one)) for name, one in values.items() if isinstance(one, list)]
        self._values = dict(values)

    def make(self) -> Any:
        """An object of its own, with lists of its own."""
        made = self._kind.__new__(self._kind)
        values = vars(made)
        values.update(self._values)
        for name, kind in self._lists:
            values[name] = kind()
        return made


class Reader(SoapAdapter.SoapDeserializer):
    """pyVmomi's reader of results with a memory of types; one answer each.

    Args:
        stub: goes into the references that are read.
    """

    #: API version -> place of an element -> what pyVmomi began there: a type of plain values, or
    #: (with True) what makes an object or a list to be filled.
    _begun: dict[Any, dict[Any, Any]] = {}  # noqa: RUF012 - shared on purpose: types do not change
    #: Type of an object and tag -> its property, whether to append, and types that pass its check.
    _fields: dict[Any, tuple[str, bool, set[type]]] = {}  # noqa: RUF012

    def __init__(self, stub: Any) -> None:
        super().__init__(stub)  # type: ignore[no-untyped-call]
        self._known = self._begun.setdefault(self.version, {})

    def StartElementHandler(self, tag: str, attr: dict[str, str]) -> None:  # noqa: N802 - pyVmomi's names
        """An element begins."""
        stack = self.stack
        of = attr.get("type")
        if not stack or "serverGuid" in attr or (of and ":" in of):
            super().StartElementHandler(tag, attr)  # type: ignore[no-untyped-call]
            return
        xsi = attr.get(_XSI_TYPE)
        if xsi is None:
            space = None
        else:
            prefix, colon, _ = xsi.partition(":")
            space = (self.nsMap.get(prefix if colon else None) or ("",))[-1]
        home = (self.nsMap.get(None) or ("",))[-1] if of else None
        place = (stack[-1].__class__, tag, space, xsi, home, of)
        known = self._known.get(place)
        if known is None:
            super().StartElementHandler(tag, attr)  # type: ignore[no-untyped-call]
            begun = stack[-1]
            if isinstance(begun, type):
                self._known[place] = begun, False
            elif isinstance(begun, list):
                self._known[place] = type(begun), True
            elif isinstance(begun, _DataObject) and not isinstance(begun, Exception):
                self._known[place] = _Blueprint(type(begun)).make, True
            return
        self.data = ""
        self.serverGuid = None
        begun, to_fill = known
        stack.append(begun() if to_fill else begun)

    def EndElementHandler(self, tag: str) -> None:  # noqa: N802
        """An element ends: its value is put where it belongs."""
        stack = self.stack
        if len(stack) < 2:
            super().EndElementHandler(tag)  # type: ignore[no-untyped-call]
            return
        value, data = stack[-1], self.data
        if isinstance(value, type):
            if issubclass(value, _ManagedObject):
                value = value(data, self.stub, self.serverGuid)
            else:
                if value not in _READ:
                    _READ[value] = _how_read(value)
                read = _READ[value]
                if read is None or (value is bool and data not in _WORDS):
                    super().EndElementHandler(tag)  # type: ignore[no-untyped-call]
                    return
                value = read(data)
        elif isinstance(value, _LocalizedMethodFault):
            super().EndElementHandler(tag)  # type: ignore[no-untyped-call]
            return
        stack.pop()
        top = stack[-1]
        if isinstance(top, list):
            top.append(value)
        else:
            self._put(top, tag, value)

    def _put(self, top: Any, tag: str, value: Any) -> None:
        """Set a property, or append to it, after pyVmomi's check of the value's type."""
        key = (top.__class__, tag)
        field = self._fields.get(key)
        if field is None:
            _, name = self.SplitTag(tag)  # type: ignore[no-untyped-call]
            info = top._GetPropertyInfo(name)  # noqa: SLF001 - pyVmomi's public ones look like this
            field = self._fields[key] = (info.name, issubclass(info.type, list), set())
        name, many, passed = field
        if many and not isinstance(value, list):
            getattr(top, name).append(value)
        elif value.__class__ in passed and (value or not isinstance(value, list)):
            vars(top)[name] = value
        else:
            setattr(top, name, value)
            if value is not None and (value or not isinstance(value, list)):
                passed.add(value.__class__)


class Responses(SoapAdapter.SoapResponseDeserializer):
    """pyVmomi's reader of whole answers, with :class:`Reader` for what is in them."""

    def __init__(self, stub: Any) -> None:
        super().__init__(stub)  # type: ignore[no-untyped-call]
        self.deser = Reader(stub)
