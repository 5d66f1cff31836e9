"""By kafka-python, which is Python all through."""
