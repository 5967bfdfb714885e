"""Access knows tenants, partner registrations and operator sessions."""
