"""What may be asked and seen: one graph, from which every audience's contract and every domain's subgraph is made."""
