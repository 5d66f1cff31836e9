"""Replays histories from files through one partition, on the event clock.

`engine replay`, `engine explain` and backtests run them. It decides with the worker's own partition, never with a copy.
"""
