"""The airline's own facts: who sat on a flight, how to reach them, and which flight they have next.

Nothing is stored here: the PSS is the truth, and a copy of an answer is kept for minutes at most. Nexa never computes a
rebooking; the next flight is the airline's word.
"""
