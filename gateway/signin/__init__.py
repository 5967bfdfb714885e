"""Who is there. Operators by OpenID Connect, passengers by a link, partners by client credentials; each its own keys and audience."""
