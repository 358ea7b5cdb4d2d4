"""Built-in adapters of sinr-geo, one file per format family."""
