"""The model's speech: messages, dialects, parsing, backends, deciding, and the planner."""
