"""The sender: reads decided outreach, asks the suppression list, and hands each message over once.

`engine send` runs it through `engine.wiring`. It speaks to ports only and knows no client library.
"""
