"""How the graph is answered: load, ask the domain, return what it said. Nothing here knows the schema."""
