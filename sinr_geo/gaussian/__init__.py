"""The Gaussian head: one Gaussian per superpixel, solved in closed form."""
