"""How fast this machine separates, through the server, as every client gets it."""
