"""Short runs that find what matters in training: variants of one recipe, question by question."""
