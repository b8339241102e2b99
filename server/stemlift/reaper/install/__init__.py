"""Putting the scripts into REAPER, and taking them out again.

`places` finds REAPER's folders, `scripts` the files to copy, `keymap` and `menu` change the
two text files in which REAPER keeps its actions and its context menus, `steps` does it all in
order, and `look` says how things stand.
"""
