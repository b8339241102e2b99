"""What differs between operating systems, and nothing else.

Decisions are functions of the platform's name as `sys.platform` gives it, so that all
of them can be tested on any machine.
"""
