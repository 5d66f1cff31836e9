"""The composition root: puts workers, senders and replays together from settings.

Commands and `engine.embed` call it. It is the only place that chooses adapters, and it decides nothing itself.
"""
