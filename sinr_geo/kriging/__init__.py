"""Local kriging: every place predicted from its own neighbourhood."""
