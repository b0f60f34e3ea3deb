"""Generated logs and lookups full of oddities, and a second opinion on how to count them."""
