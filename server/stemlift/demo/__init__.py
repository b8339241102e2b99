"""A small song, composed and rendered by us, to try Stemlift on without any file of one's own."""
