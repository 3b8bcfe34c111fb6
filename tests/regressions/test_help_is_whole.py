"""The list of verbs once ended in `...` for nearly each of them, and errors spoke of pydantic."""

from __future__ import annotations

import pytest

from tests.cli import vm


def test_no_verb_is_told_by_half() -> None:
    ended = vm("--help")
    assert ended.code == 0
    _, _, verbs = ended.out.partition("Commands:")
    assert "doctor" in verbs
    assert "..." not in verbs


@pytest.mark.parametrize("verb", ["prices", "demo"])
def test_a_wrong_format_is_told_in_plain_words(verb: str) -> None:
    ended = vm(verb, "--format", "xml")
    ended.failed_with(64, "'xml' is not one of 'table'")
    assert "Value error" not in ended.err
