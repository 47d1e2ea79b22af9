"""How held-out figures fall with compute, speech and size, and how far that can be trusted."""
