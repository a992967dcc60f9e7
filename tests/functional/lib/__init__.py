"""Helpers of the whole-system tests: real programs on free ports, and a rig of our own.

Nothing here is shared with the C code: hashes, blocks and addresses are computed anew,
so that a mistake made there is not made here as well.
"""
