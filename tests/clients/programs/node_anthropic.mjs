// @anthropic-ai/sdk: messages with a tool, as a stream.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.CHAT_TUI_URL, apiKey: process.env.CHAT_TUI_TOKEN });
const tools = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const model = "claude-sonnet-4-5";
const talk = [{ role: "user", content: "Weather?" }];
const message = await client.messages.stream({ model, max_tokens: 100, messages: talk, tools }).finalMessage();
const [call] = message.content;
if (call.input.city !== "Paris") throw new Error(JSON.stringify(message));
talk.push({ role: "assistant", content: message.content });
talk.push({ role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] });
const told = await client.messages.create({ model, max_tokens: 100, messages: talk, tools });
if (!told.content[0].text.includes("sunny")) throw new Error(JSON.stringify(told));
