"""An MCP server over stdio whose policy is scripted: `python -m tests.agent.mcp_scripted ROOT LOG`.

The question "wait" takes for ever; what becomes of it is written into the LOG file.
"""

import asyncio
import sys
from pathlib import Path

from gemvg.agent.mcp_server.roots import Roots
from gemvg.agent.mcp_server.running import run_stdio
from gemvg.agent.mcp_server.server import make_server
from tests.agent.scripts import agent, answer, item, zoom


def scripted(log):
    """An agent that zooms and answers, or waits until it is stopped."""

    async def say(request):
        if request.query == "wait":
            log.write_text("began")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                log.write_text("stopped")
                raise
        if request.query == "break":
            raise RuntimeError("secret words at /srv/app/x.py")
        turn = sum(message.role == "assistant" for message in request.messages)
        return [zoom(), answer(item(2, (0, 0, 500, 500), "cat"))][min(turn, 1)]

    return agent(say, tools=("zoom", "detect", "match", "compare"))


if __name__ == "__main__":
    asyncio.run(run_stdio(make_server(scripted(Path(sys.argv[2])), Roots([sys.argv[1]]))))
