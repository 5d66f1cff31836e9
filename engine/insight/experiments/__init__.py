"""Experiments that may be looked at every day: the verdict on a difference, and planning.

The modules are arithmetic on counts and sums. The caller supplies who was exposed and what they did.
"""
