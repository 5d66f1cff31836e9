"""The command line: each command reads its options, has `engine.wiring` open what it needs, and prints.

`engine.cli.main` imports a command when it runs, so that `engine --help` is quick. Nothing may import this package.
"""
