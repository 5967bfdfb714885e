"""How the world is reached: one folder per partner, strangers to one another; `registry.py` alone knows them all."""
