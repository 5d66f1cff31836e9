"""What is told while the engine runs: metrics, logs, and the small HTTP server that serves them.

The composition root attaches it to workers, senders and the web pages. It must not name a
customer or change a decision.
"""
