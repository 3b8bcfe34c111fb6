"""Business policies as JSON documents, and the rulebook they compile to."""

from vsphere_market.policy.rulebook import (
    DEFAULT_MODE,
    BudgetScope,
    DisruptionBudget,
    Mode,
    ModeArray,
    Rulebook,
    default_rulebook,
    no_rules,
)

__all__ = [
    "DEFAULT_MODE",
    "BudgetScope",
    "DisruptionBudget",
    "Mode",
    "ModeArray",
    "Rulebook",
    "default_rulebook",
    "no_rules",
]
