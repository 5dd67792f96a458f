"""Exporting the record to files that anybody can check, and importing it into an empty portal."""
