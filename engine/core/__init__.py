"""The pure core: `decide` and all it needs, from one customer's state and one input to what is sent.

Workers, replays, rule tests and `engine explain` call it. No IO, clock, randomness or logging may come in here.
"""
