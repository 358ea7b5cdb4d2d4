"""Methods: one file each behind one small protocol."""
