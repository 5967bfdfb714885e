"""Audit keeps who did what, why, with before and after; append-only and hash-chained."""
