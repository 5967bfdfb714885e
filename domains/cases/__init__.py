"""A case is one disrupted flight; a sub-case is one PNR of it, and the unit that is looked after.

Cases owns the party (the only place where names and contacts rest), locks, reviews, workflows and the passenger's offer. Every
operator write about a sub-case is a command here, where the lock's fence and the row's version are checked.
"""
