"""Learners that correct local kriging where there are samples enough."""
