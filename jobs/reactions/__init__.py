"""Event → action: one file per domain that reacts, named as the domain; its works are in that database."""
