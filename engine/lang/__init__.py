"""The rule language: YAML text to a rule book, with a located diagnostic for everything that is wrong."""
