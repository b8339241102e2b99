"""The networks: torch modules and nothing else, one file each."""
