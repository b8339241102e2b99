"""How good a separation is. Needs numpy only; arrays are (frames, channels)."""
