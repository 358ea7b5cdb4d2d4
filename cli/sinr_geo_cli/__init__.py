"""Command line of sinr-geo."""
