"""The HTTP server: questions as requests, an OpenAI-compatible route, metrics, and the page."""
