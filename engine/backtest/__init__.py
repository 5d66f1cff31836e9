"""Runs a history through one rule book or two, customer by customer, and tells what each rule would have sent.

`engine backtest` runs it over every core. It decides with the worker's own `decide`: what it says is what `engine
replay` would do. `prepare` sorts a history by customer once, `customer` decides, `tally` counts and `difference`
compares two books.
"""
