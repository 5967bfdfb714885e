"""The tables of `nexa_booking`."""

from kernel.tables import domain_metadata

metadata = domain_metadata("booking")
