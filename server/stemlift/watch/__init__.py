"""The watched folder: a file dropped into the inbox comes back as stems in the outbox.

The input side: `scan` lists what is there, `ignored` says what is no song, `settling` when a
file is complete, `recipes` what shall be done with it, `observing` that something changed. No
torch and no engine: the watcher is a client of the server as any other.
"""
