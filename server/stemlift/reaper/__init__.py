"""REAPER: from a selection to jobs, from stems to tracks. The Lua only carries decisions out.

`facts` is what a script reads in REAPER, `plan` what it shall do there, `messages` what script
and helper tell each other. No torch and no engine: the helper talks to the server.
"""
