"""The worker: reads events, decides what to send by the rules, and commits states and outreach partition by partition.

`engine run` and replays use it through `engine.wiring`. It speaks to ports only and knows no client library.
"""
