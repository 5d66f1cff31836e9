"""Figures put together: sections that a terminal, a page and a program show alike."""
