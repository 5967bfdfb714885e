"""Mechanisms everyone shares; this floor knows no domain and no partner."""
