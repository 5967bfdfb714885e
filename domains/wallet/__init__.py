"""Wallet issues one prepaid card per sub-case, held by the lead passenger; no card number ever enters Nexa."""
