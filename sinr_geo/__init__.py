"""Fill gaps in and remove noise from rasters, gridded climate data, meshes and point clouds."""

__version__ = "0.1.0"
