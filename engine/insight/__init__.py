"""Figures, predictions and experiments, read from the archive or from files; never called while events are decided.

`models` and `experiments` are arithmetic on the standard library alone. `archive` and `figures` ask DuckDB and `page`
Jinja. Nothing here may know the engine: it takes values and returns values, and the command line joins the two.
"""
