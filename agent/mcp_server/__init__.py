"""The MCP server: ground, zoom, detect, match and compare for MCP clients."""
