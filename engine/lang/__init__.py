"""The rule language: YAML text to a rule book, with a located diagnostic for everything that is wrong.

Commands and `engine.testing` load projects with it. It must not know how rules are run, stored or sent.
"""
