"""Optional integrations with other frameworks, each in a module of its own that needs its extra.

Programs of users import them. Nothing else in the engine may.
"""
