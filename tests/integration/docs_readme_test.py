#!/usr/bin/python3
"""README.md is carried out as it stands, from top to bottom, in one shell (`pages.py` has the rules)."""
import pages

pages.main(["README.md"])
