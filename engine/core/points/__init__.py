"""Points: what customers earn and spend, in lots that become usable and end.

`model` says what points are, `ledger` moves them, `bounds` keeps a ledger small, `view` reads it at a moment, and
`record` keeps the books for `decide`: what an event, a timer or a new rule book means for a customer's ledgers.
"""
