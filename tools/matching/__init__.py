"""Classical matching: features, geometric checks, template search, registration, changes."""
