"""Figures of a shop, asked of DuckDB over the archive's tables. `Shop` is what they are asked of."""
