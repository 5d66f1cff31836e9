"""Formulas that deciding and figures share: scores of customers, shares of experiments, instants and local time.

The core asks them for every customer, `engine.insight` fits and checks them. They know nothing of the engine, and need
the standard library alone.
"""
