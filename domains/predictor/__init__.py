"""What will become of a flight: the only domain that is nobody's own, shared by all airlines and without anything personal.

Its facts come from outside: how flights go, where traffic stands still, and the weather.
"""
