"""A small airline: three domains that add to each other's types, for the tests of the toolkit."""
