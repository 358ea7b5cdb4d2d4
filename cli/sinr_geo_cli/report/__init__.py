"""The page that `--report` writes: one HTML file that needs nothing else.

`destination` says where it may go, `sights` keeps what pictures are drawn from while a file is
recovered, `recovered` and `evaluated` are the two pages, `choice` shows how a layer was chosen.
"""
