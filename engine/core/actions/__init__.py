"""The actions: what a rule does when it comes true, one file per action.

The rule loader makes one instance per rule; `settle` runs it. docs/adding-an-action.md shows how to add one.
"""
