"""A policy says what a disrupted passenger is entitled to: hotels, rates, meals, transport. Supervisors draft and activate it.

Evaluation is pure: a frozen policy and frozen facts in, an explained answer out.
"""
