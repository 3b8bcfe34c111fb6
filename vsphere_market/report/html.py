"""Building HTML so that nothing from an estate can ever be taken for markup.

``tag`` escapes every text that is not already :class:`Html`, so a VM called ``<script>`` is shown
as that and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

#: Elements without an end tag.
_VOID = frozenset(("meta", "input", "br", "hr", "rect", "line", "path", "circle", "use", "col"))


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Part = str | Iterable["Part"] | None
Value = str | int | float | bool | None


def text(*parts: Part) -> Html:
    """Join parts, escaping what is no markup yet. ``None`` is nothing; lists are taken apart."""
    made: list[str] = []
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Html):
            made.append(part)
        elif isinstance(part, str):
            made.append(escape(part))
        else:
            made.append(text(*part))
    return Html("".join(made))


def tag(name: str, /, *parts: Part, **attributes: Value) -> Html:
    """An element. Attributes: ``class_`` for class, ``_`` for ``-``; None and False leave out."""
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID and not parts:
        return Html(f"<{name}{told}/>" if name in ("rect", "line", "path") else f"<{name}{told}>")
    return Html(f"<{name}{told}>{text(*parts)}</{name}>")


def table(
    heads: Iterable[Part], rows: Iterable[Iterable[Part]], *, right: Iterable[int] = ()
) -> Html:
    """A table; columns in ``right`` hold numbers."""
    numbers = frozenset(right)

    def side(at: int) -> str | None:
        return "n" if at in numbers else None

    head = [tag("th", part, scope="col", class_=side(at)) for at, part in enumerate(heads)]
    body = [
        tag("tr", [tag("td", part, class_=side(at)) for at, part in enumerate(row)]) for row in rows
    ]
    inner = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    return tag("div", inner, class_="scroll", tabindex="0")
