"""The OAuth server through which integrators' applications reach one unit at a time."""
