"""Language: words, ordinals, and the grammar from which questions are phrased."""
