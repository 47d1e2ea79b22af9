"""Density estimation that can be looked at: every flow on two-dimensional sets and on 8×8 digits."""
