"""Merging what several documents say about the same VM or host into one value with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vsphere_market.policy.documents import Document
from vsphere_market.policy.problems import counted, error, quote
from vsphere_market.policy.rulebook import ModeArray
from vsphere_market.port import Finding
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: In :attr:`Merged.source`: no document decides, so the default holds.
DEFAULT = -1


@dataclass(slots=True)
class Statements:
    """The documents' statements that a merge has seen; arrays refer to them by number."""

    documents: list[Document] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)

    def add(self, document: Document, pointer: str) -> int:
        """Take a statement; returns its number."""
        self.documents.append(document)
        self.pointers.append(pointer)
        return len(self.documents) - 1

    def texts(self, numbers: IndexArray) -> tuple[str, ...]:
        """``document#/pointer`` per row; "" for the default."""
        # Number -1, the default, finds the text appended last.
        known = [
            f"{document.name}#{pointer}"
            for document, pointer in zip(self.documents, self.pointers, strict=True)
        ]
        known.append("")
        return tuple([known[number] for number in numbers.tolist()])


class NumberMerge:
    """One number per row; the document of highest precedence decides.

    Statements must come in rising order of precedence. Two that differ at the same, highest
    precedence are a contradiction, which :meth:`ties` reports.
    """

    def __init__(self, statements: Statements, default: FloatArray) -> None:
        self._statements = statements
        self.value = np.array(default, dtype=np.float64)
        self.source = np.full(len(default), DEFAULT, dtype=np.int64)
        self._precedence = np.full(len(default), np.iinfo(np.int64).min, dtype=np.int64)
        self._rival = np.full(len(default), DEFAULT, dtype=np.int64)

    @property
    def decided(self) -> bool:
        """Some document decides it for some row."""
        return bool((self.source != DEFAULT).any())

    def say(
        self, document: Document, pointer: str, rows: IndexArray, value: float | FloatArray
    ) -> None:
        """A document's statement about some rows: one value, or one per row."""
        number = self._statements.add(document, pointer)
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), rows.shape)
        equal = self._precedence[rows] == document.precedence
        tied = rows[equal & (self.value[rows] != values)]
        self._rival[tied] = number
        higher = ~equal
        won = rows[higher]
        self.value[won] = values[higher]
        self.source[won] = number
        self._precedence[won] = document.precedence
        self._rival[won] = DEFAULT

    def ties(self, thing: str, names: Sequence[str]) -> list[Finding]:
        """One error per pair of documents that contradict each other.

        Args:
            thing: ``VM`` or ``host``.
            names: of the rows.
        """
        rows = np.flatnonzero(self._rival != DEFAULT)
        pairs = np.stack([self.source[rows], self._rival[rows]], axis=1)
        found, first, number = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        statements = self._statements
        findings = []
        for (one, other), at, count in zip(found.tolist(), first, number, strict=True):
            mine, theirs = statements.documents[one], statements.documents[other]
            findings.append(
                error(
                    "tie",
                    theirs.place(statements.pointers[other]),
                    f"document {quote(theirs.name)} and document {quote(mine.name)} "
                    f"({mine.place(statements.pointers[one])}) say different things about "
                    f"{counted(int(count), thing)}, {names[int(rows[at])]} among them, "
                    f"with the same precedence {mine.precedence}",
                    'give one of them a higher "precedence", or make their selectors differ',
                )
            )
        return findings


class ModeMerge:
    """One mode per row; the most cautious document decides, whatever its precedence."""

    def __init__(self, statements: Statements, default: ModeArray) -> None:
        self._statements = statements
        self.value: ModeArray = np.array(default, dtype=np.int8)
        self.source = np.full(len(default), DEFAULT, dtype=np.int64)

    def say(self, document: Document, pointer: str, rows: IndexArray, mode: int) -> None:
        """A document's statement about some rows."""
        number = self._statements.add(document, pointer)
        # Documents replace the default, even by more; among each other, less wins.
        open_ = (self.source[rows] == DEFAULT) | (self.value[rows] > mode)
        won = rows[open_]
        self.value[won] = mode
        self.source[won] = number

    @property
    def decided(self) -> bool:
        """Some document decides it for some row."""
        return bool((self.source != DEFAULT).any())


class FlagMerge:
    """One yes per row as soon as one document says so."""

    def __init__(self, statements: Statements, length: int) -> None:
        self._statements = statements
        self.value: BoolArray = np.zeros(length, dtype=np.bool_)
        self.source = np.full(length, DEFAULT, dtype=np.int64)

    def say(self, document: Document, pointer: str, rows: IndexArray) -> None:
        """A document says yes about some rows."""
        number = self._statements.add(document, pointer)
        new = rows[~self.value[rows]]
        self.value[new] = True
        self.source[new] = number

    @property
    def decided(self) -> bool:
        """Some document decides it for some row."""
        return bool(self.value.any())
