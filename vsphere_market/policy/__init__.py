"""Business policies as JSON documents, and the rulebook they compile to."""

from vsphere_market.policy.rulebook import DEFAULT_MODE, Mode, ModeArray, Rulebook, default_rulebook

__all__ = ["DEFAULT_MODE", "Mode", "ModeArray", "Rulebook", "default_rulebook"]
