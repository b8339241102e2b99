"""The generator of multitrack songs that the trained model learns from, repeatable by seed."""
