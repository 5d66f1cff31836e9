"""Models of when customers buy again and for how much, fitted by maximum likelihood.

Time is in weeks here. The closed forms are in `engine.arithmetic`; `fitting` makes their parameters.
"""
