"""Damaged and hostile files for every reader: `python -m fuzz --help`, in the folder of the tests.

`mutation` damages bytes, `readers` lists what is read and how, `trials` tries one input after the
other in processes of their own, and `corpus` keeps inputs that once escaped.
"""
