"""Experiments in the stream: who is in which variant (`model`), and what is kept back because of it (`guards`)."""
