"""Journeys: rules that lead a customer through steps, with waits between them.

`steps` and `waits` are the compiled form, which `engine/lang/steps.py` makes. `conduct` begins, continues and ends the
runs of customers; `settle` and `decide` call it. A run is part of the state (`Slot.runs`).
"""
