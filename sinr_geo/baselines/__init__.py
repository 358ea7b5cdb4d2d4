"""What the S-INR paper compares itself with, and a few later methods; each is a ``--method``."""
