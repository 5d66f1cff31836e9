"""The report: figures arranged in sections, shown alike by the terminal, a page and JSON.

`engine metrics` calls `build`; `page` renders the result as HTML.
"""
