"""How well models separate songs whose stems are known. A client of the server, without torch."""
