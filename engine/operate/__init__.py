"""What operators do to a running system: find, erase and move customers, check the surroundings, judge what is found.

Commands call it and print what it returns. It must not print, and knows neither typer nor rich.
"""
