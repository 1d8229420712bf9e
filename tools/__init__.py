"""The ground floor: boxes and geometry, pictures, views, and the tools that look at pictures."""
