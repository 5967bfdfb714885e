"""Puts the others together and runs them. Holds no rules, and is imported by nobody below."""
