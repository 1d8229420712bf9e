"""Where a policy runs: an OpenAI-compatible server, transformers or vLLM in this process."""
