"""Pictures from addresses and data URIs, for callers that are allowed them: nothing private."""
