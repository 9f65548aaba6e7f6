"""The actions of tools and of their calls."""

from __future__ import annotations

from chat_tui.tui.actions.action import Action, command_action

TOOLS = (
    command_action(
        "tools",
        "tools.open",
        "Tools",
        words="tools, mcp, functions, function calling, tool servers, plugins, agent tools, model context protocol",
    ),
    Action(
        "call.run",
        "Run the tool call once",
        "alt+y,o",
        "screen.command('allow')",
        "transcript",
        help="run the tool call that waits; `always`: this tool in this conversation, `edit`: other arguments",
        label="run once",
        words="allow, approve, accept, permit, consent, yes",
        slash="allow, approve",
        argument="[always|edit|show]",
    ),
    Action(
        "call.always",
        "Always run this tool here",
        "alt+a,a",
        "screen.command('allow', 'always')",
        "transcript",
        help="run the tool call, and later calls of this tool in this conversation without asking",
        label="always",
        words="always allow, trust the tool, do not ask again",
    ),
    Action(
        "call.edit",
        "Edit the arguments and run",
        "alt+e,m",
        "screen.command('allow', 'edit')",
        "transcript",
        help="edit the arguments of the tool call, then run it",
        label="edit",
        words="change arguments, tool arguments, json",
    ),
    Action(
        "call.refuse",
        "Refuse the tool call",
        "alt+n,n",
        "screen.command('refuse')",
        "transcript",
        help="refuse the tool call; the model is told",
        label="refuse",
        words="deny, reject, disallow, no",
    ),
    Action(
        "call.refuse_with",
        "Refuse with a reason",
        help="refuse the tool call and tell the model why, or what to do instead",
        words="deny, reject, refuse because",
        slash="refuse, deny",
        argument="[words to the model]",
        asks=True,
    ),
    Action(
        "call.details",
        "Show the whole tool call",
        "alt+s,S",
        "screen.command('allow', 'show')",
        "transcript",
        help="show the whole tool call: all arguments, and what the tool is for",
        label="details",
        words="tool description, full arguments",
    ),
)
