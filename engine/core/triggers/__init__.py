"""The trigger kinds, one file per kind. `decide` and `settle` call them through the base class `Trigger`.

docs/adding-a-trigger.md shows how to add one.
"""
