"""Models of when customers buy again and for how much, fitted by maximum likelihood.

Time is in weeks here. A customer's history is a `History`; `fitting.fit_model` makes parameters of many.
"""
