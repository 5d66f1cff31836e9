"""Segments: groups that customers are in as long as a condition holds, with levels if there is more than in and out.

`model` says what a segment is, `follow` brings a customer's memberships up to an instant for `decide` and `settle`.
"""
