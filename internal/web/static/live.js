// Live readings come straight from the API's stream. What is not known is shown as not known, what is old with its age.
import { scanned } from './keys.js';

const STALE_MS = 3000; // after this a reading is no longer taken for the present
const REPLAY_MS = 400; // scans that a resumed stream repeats are not acted on again

export function live(root) {
  const words = JSON.parse(root.dataset.words || '{}');
  const state = { up: false, live: null, at: 0, age: 0, opened: 0, resumed: false };

  const open = () => {
    const source = new EventSource(root.dataset.stream);
    const on = (name, fn) => source.addEventListener(name, (e) => fn(JSON.parse(e.data || '{}')));
    source.onopen = () => {
      if (state.resumed) refresh('reset');
      Object.assign(state, { up: true, opened: performance.now() });
      paint();
    };
    source.onerror = () => {
      Object.assign(state, { up: false, resumed: true });
      paint();
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
    };
    on('live', (l) => { Object.assign(state, { live: l, at: performance.now(), age: l.age_ms || 0 }); paint(); });
    on('scan', (s) => { if (!state.resumed || performance.now() - state.opened > REPLAY_MS) scanned(s); });
    for (const name of ['dispensing', 'check', 'station', 'queue', 'stock', 'hold', 'board', 'reset']) on(name, () => refresh(name));
  };

  const paint = () => { if (words.unknown) strip(state, words); };
  open();
  if (!words.unknown) return;
  setInterval(paint, 250);
  document.addEventListener('htmx:afterSwap', paint); // what came new knows nothing of the counter yet
}

// refresh lets the parts of the page that an event concerns read themselves again. While an act of the person or the
// area's own reading is on its way it waits: of two answers for the working area the older must not replace the newer,
// and a reading asked of an area that is about to be replaced would end with it, and the event be lost.
// While the machine works the area is read now and then all the same.
const waiting = new Set();
let timer = 0;
let acting = 0;
let reading = null; // the working area's own request
setInterval(() => { if (document.querySelector('#work')?.dataset.stage === 'pouring') refresh('dispensing'); }, 2000);
function refresh(event) {
  waiting.add(event);
  timer ||= setTimeout(flush, 30);
}

function flush() {
  timer = 0;
  if (acting || reading || !waiting.size) return;
  const has = ((events) => (...names) => names.some((n) => events.has(n)))(new Set(waiting));
  waiting.clear();
  if (has('queue', 'hold', 'board', 'reset', 'lists')) for (const id of ['queue', 'lists']) readList(document.getElementById(id));
  const work = document.querySelector('#work');
  if (!work?.hasAttribute('hx-trigger')) return;
  const sticky = work.hasAttribute('data-sticky'); // a stop stays until somebody saw it, or the dose moved on
  const looking = ['idle', 'patient'].includes(work.dataset.stage);
  if (has('dispensing') || (work.hasAttribute('data-check') && has('check', 'reset')) || (!sticky && (has('reset', 'station') || (looking && has('stock', 'hold')) || (work.dataset.stage === 'idle' && has('queue'))))) htmx.trigger(work, 'refresh');
}

// readList lets a list read itself again, at the earliest after its pace, and not while it does: it is replaced then, and
// what it was told meanwhile would end with it. The list that comes after is told.
const resting = {}; // by id, until when
function readList(list) {
  if (!list) return;
  const rest = (resting[list.id] ?? 0) - performance.now();
  if (rest <= 0) return htmx.trigger(list, 'refresh');
  waiting.add('lists');
  if (rest < Infinity) timer ||= setTimeout(flush, rest);
}

document.addEventListener('htmx:beforeSend', ({ detail: { elt, target, xhr } }) => {
  if (elt === target && ['queue', 'lists'].includes(target.id)) {
    resting[target.id] = Infinity;
    xhr.addEventListener('loadend', () => { resting[target.id] = performance.now() + Number(target.dataset.pace ?? 0); again(); });
    return;
  }
  if (target?.id !== 'work') return;
  if (elt === target) {
    reading = xhr;
    xhr.addEventListener('loadend', () => { if (reading === xhr) reading = null; again(); });
    return;
  }
  acting++;
  xhr.addEventListener('loadend', () => { acting--; again(); });
  if (reading) {
    reading.abort();
    refresh('dispensing'); // what it would have shown is still to be read
  }
});
const again = () => { if (waiting.size) timer ||= setTimeout(flush, 30); };
// Of two acts the first answer replaces the working area; the second belongs into its successor.
document.addEventListener('htmx:beforeOnLoad', ({ detail }) => {
  if (detail.target?.id === 'work' && !detail.target.isConnected) detail.target = document.querySelector('#work');
});

function strip(s, w) {
  const age = s.live ? s.age + performance.now() - s.at : 0;
  const r = s.live?.known ? s.live.reading : null;
  const fresh = Boolean(s.up && r && age <= STALE_MS);
  const ago = r && age >= 2000 ? w.ago.replace('{}', Math.round(age / 1000)) : '';
  const put = (name, value, text, note) => {
    const el = document.querySelector(`[data-device=${name}]`);
    if (!el) return;
    el.dataset.state = value;
    el.querySelector('.says').textContent = text;
    el.querySelector('.age').textContent = note ?? '';
  };
  const grams = r?.scale.weight_ug == null ? null : number(r.scale.weight_ug / 1e6, w) + ' g';
  const known = (d) => (fresh ? d : 'unknown');
  const scale = grams == null && known(r?.scale.state) === 'ready' ? 'unknown' : known(r?.scale.state);
  put('scale', scale, scale === 'ready' ? grams : w[scale], scale === 'ready' ? [r.scale.stable ? w.stable : w.moving, ago].filter(Boolean).join(' · ') : past(grams, ago, w));
  for (const el of document.querySelectorAll('[data-reading]')) {
    el.textContent = scale === 'ready' ? grams : w.unknown;
    el.dataset.still = String(scale === 'ready' && r.scale.stable);
  }
  const pump = known(r?.pump.state);
  put('pump', pump, pump === 'ready' ? w[busy.includes(r.phase) ? r.phase : 'ready'] : w[pump], fresh && pump !== 'ready' ? r.pump.detail || ago : ago);
  put('scanner', known(r?.scanner.state), w[known(r?.scanner.state)], ago);
  const printer = known(r?.printer?.state ?? 'none');
  const trouble = fresh && r.printer?.detail;
  put('printer', trouble ? 'down' : printer, trouble ? w[trouble] ?? trouble : w[printer], ago);
  for (const el of document.querySelectorAll('[data-device=printer]')) el.hidden = !r?.printer || r.printer.state === 'none';
  const cup = fresh && r.cup != null ? (r.cup ? 'cup' : 'no_cup') : 'unknown';
  put('cup', cup === 'unknown' ? 'unknown' : 'ready', w[cup], ago);
  const line = !s.up || !s.live ? 'unknown' : s.live.connected ? 'ready' : 'down';
  put('connection', line, s.up ? w[{ unknown: 'unknown', ready: 'connected', down: 'disconnected' }[line]] : w.lost, r?.queue_depth ? w.pending.replace('{}', r.queue_depth) : ago);
  for (const hint of document.querySelectorAll('[data-nocup]')) hint.hidden = cup !== 'no_cup';
  for (const way of document.querySelectorAll('[data-silent]')) way.hidden = fresh && line === 'ready';
  pour(fresh ? r : null, grams, w);
}

// busy are the phases in which the pump does something; what became of a dose is the working area's to say.
const busy = ['armed', 'pouring', 'recovering'];
const past = (value, ago, w) => (value ? `${w.last} ${value}${ago ? ` · ${ago}` : ''}` : ago);

function pour(r, grams, w) {
  const el = document.querySelector('[data-pour]');
  if (!el) return;
  const mine = r && r.dispensing === el.dataset.pour;
  const put = (name, text) => { el.querySelector(`[data-live=${name}]`).textContent = text; };
  const moved = mine && r.moved_ul != null ? r.moved_ul : null;
  const waiting = mine && ['idle', 'armed'].includes(r.phase); // nothing was asked of the pump yet
  put('moved', waiting ? '–' : moved == null ? w.unknown : `${number(moved / 1000, w)} mL`);
  put('weight', r && r.scale.state === 'ready' && grams ? grams : w.unknown);
  if (mine || !r) put('phase', mine ? w[r.phase] ?? '' : w.unknown);
  if (moved != null && !waiting) el.querySelector('progress').value = moved;
}

const number = (n, w) => n.toFixed(2).replace('.', w.decimal);
