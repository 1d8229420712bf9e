"""Teacher: reasoning traces from annotation, and tool episodes of the agent that came out right."""
