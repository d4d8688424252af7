"""Ühisabi: joint help for long-term unemployed people, as evidence, estimates and figures.

Six rooms, one direction: evidence ← records ← estimate ← scale ← publish ← batch. A room imports only from
rooms to its left; the import contract in `pyproject.toml` holds that.
"""
