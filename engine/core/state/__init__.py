"""The state of one customer: structs (`model`), bytes (`codec`), and changes by events (`fold`) and books (`rearm`).

`decide` and the triggers change states; stores keep the bytes. States of every earlier version must load.
"""
