"""Experiments that may be looked at every day: who is in which arm, whether it made a difference, how long that takes.

All of it is arithmetic on counts and sums; who was exposed and what they did comes from elsewhere.
"""
