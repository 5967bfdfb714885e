"""The tables of `nexa_notifications`."""

from kernel.tables import domain_metadata

metadata = domain_metadata("notifications")
