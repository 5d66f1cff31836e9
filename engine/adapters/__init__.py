"""What stands behind the ports: one module or package per outside system.

Only `engine.wiring` and tests choose them. They must not know each other, and must not read settings.
"""
