"""The sine head: the networks of the S-INR paper, packed, trained and blended."""
