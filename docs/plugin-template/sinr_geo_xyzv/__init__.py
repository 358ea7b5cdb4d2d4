"""An example of a plugin: the text format xyzv for sinr-geo."""
