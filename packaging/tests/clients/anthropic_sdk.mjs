// The official Anthropic SDK for Node, see checks.py.
import Anthropic from '@anthropic-ai/sdk';
import assert from 'node:assert/strict';
import {
  clientOptions, inputs, maxTokens, question, refusal, run, said, script, tool, toolsSaid, unknownModel,
} from './checks.mjs';

const connect = (url) => new Anthropic({ baseURL: url, ...clientOptions });
const request = (model, fields) => ({ model, max_tokens: maxTokens, messages: question, ...fields });
const tools = [{ name: tool.name, description: tool.description, input_schema: tool.schema }];

function costs(models, usage) {
  const cached = usage.cache_read_input_tokens ?? 0;
  if (models.isScripted) {
    assert.deepEqual({ fresh: usage.input_tokens, cached, output: usage.output_tokens }, script.usage);
  } else assert.ok(usage.input_tokens + cached > 0 && usage.output_tokens > 0, JSON.stringify(usage));
}

function calls(message) {
  assert.equal(message.stop_reason, 'tool_use');
  return message.content.filter(({ type }) => type === 'tool_use').map(({ name, input }) => ({ name, input }));
}

async function whole(client, models) {
  const message = await client.messages.create(request(models.of('speaker')));
  assert.deepEqual(message.content.map(({ type }) => type), ['text']);
  said(models, message.content[0].text);
  costs(models, message.usage);
}

async function streamed(client, models) {
  const deltas = [];
  const stream = client.messages.stream(request(models.of('speaker'))).on('text', (delta) => deltas.push(delta));
  const message = await stream.finalMessage();
  assert.equal(deltas.join(''), message.content[0].text);
  assert.ok(deltas.length > 1 || !models.isScripted, 'one delta');
  said(models, message.content[0].text);
  costs(models, message.usage);
}

async function tool_calls_whole(client, models) {
  const message = await client.messages.create(request(models.of('toolsmith'), { tools }));
  assert.deepEqual(calls(message), script.tool_calls);
}

async function tool_calls_streamed(client, models) {
  let nPieces = 0;
  const stream = client.messages.stream(request(models.of('toolsmith'), { tools }));
  stream.on('inputJson', () => (nPieces += 1));
  assert.deepEqual(calls(await stream.finalMessage()), script.tool_calls);
  assert.ok(nPieces > inputs.length, 'the arguments came in one piece');
}

async function tool_runner(client, models) {
  const asked = [];
  const run = (input) => {
    asked.push(input);
    return `rain in ${input.city}`;
  };
  const runnable = { type: 'custom', ...tools[0], run, parse: (input) => input };
  const message = await client.beta.messages.toolRunner(request(models.of('toolsmith'), { tools: [runnable] }));
  assert.deepEqual(asked, inputs);
  assert.equal(message.content[0].text, toolsSaid);
}

async function count_tokens(client, models) {
  const counted = await client.messages.countTokens({ model: models.of('speaker'), messages: question });
  assert.ok(counted.input_tokens > 0);
}

async function refused_by_the_model_server(client, models) {
  const call = () => client.messages.create(request(models.of('refuser')));
  const error = await refusal(call, { constructor: Anthropic.BadRequestError, status: 400 });
  assert.equal(error.error.error.type, 'invalid_request_error');
  assert.ok(error.error.error.message.includes(script.refusal), error.message);
}

async function unknown_model(client) {
  for (const stream of [false, true]) {
    const call = () => client.messages.create(request(unknownModel, { stream }));
    const error = await refusal(call, { constructor: Anthropic.NotFoundError, status: 404 });
    assert.equal(error.error.error.type, 'not_found_error');
  }
}

await run(connect, {
  forAnyModel: [whole, streamed, unknown_model],
  scripted: [tool_calls_whole, tool_calls_streamed, tool_runner, count_tokens, refused_by_the_model_server],
});
