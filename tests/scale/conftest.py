"""Fixtures shared with other folders."""

from raw_data_copy import copy, edit

__all__ = ["copy", "edit"]
