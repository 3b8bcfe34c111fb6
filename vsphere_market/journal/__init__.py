"""Keeps every sample, price, decision, refusal and outcome, so that they can be asked for later."""
