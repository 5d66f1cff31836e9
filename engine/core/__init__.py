"""The pure core: `decide` turns one customer's state and one input into a new state and effects.

Workers, replays, rule tests and `engine explain` call it. The core must not do IO, read a clock, use randomness or log.
"""
