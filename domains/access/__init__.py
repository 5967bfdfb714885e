"""Access knows who may come in: the systems an airline registered, with their secrets and scopes, and operators' signed-in sessions.

The airlines themselves are the tenants there are partitions for. Nothing here is secret at rest: secrets and refresh tokens are kept as
digests, and shown once, to whoever asked for them.
"""
