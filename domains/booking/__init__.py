"""Booking finds hotels, holds and books rooms, and undoes what it booked. Only sagas and supervisors ask it to."""
