"""Figures of a shop, computed by DuckDB over the archive's tables.

`report` and `engine metrics` call the functions with a `Shop`. They only read.
"""
