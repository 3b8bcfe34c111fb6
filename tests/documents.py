"""Documents made wrong in one place, to see whether a reader and its schema notice alike."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

#: What might stand where something else should.
STRANGERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "migrate", "limit", "2026-13-01T00:00:00Z", "2026-11-23T08:00:00Z"]),
    st.just([]),
    st.just({}),
    st.just([1]),
    st.just({"moid": "m", "name": "n"}),
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The document with one value replaced, removed, doubled, or one unknown member added."""
    changed = copy.deepcopy(document)
    parents = list(_containers(changed))
    parent = draw(st.sampled_from(parents))
    what = draw(st.sampled_from(["replace", "remove", "add"]))
    if isinstance(parent, list):
        at = draw(st.integers(0, len(parent) - 1)) if parent else 0
        if what == "replace" and parent:
            parent[at] = draw(STRANGERS)
        elif what == "remove" and parent:
            del parent[at]
        else:
            parent.append(copy.deepcopy(parent[at]) if parent else draw(STRANGERS))
        return changed
    keys = sorted(parent)
    if what == "add" or not keys:
        parent[draw(st.sampled_from(["surprise", "evidence", "wave", "size_mib", "a/b"]))] = draw(
            STRANGERS
        )
    elif what == "remove":
        del parent[draw(st.sampled_from(keys))]
    else:
        parent[draw(st.sampled_from(keys))] = draw(STRANGERS)
    return changed


def _containers(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _containers(item)
    elif isinstance(value, list):
        yield value
        for item in value:
            yield from _containers(item)
