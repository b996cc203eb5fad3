// Keyboard first: the scanner types into one field that always has the focus, Enter is the one action of the moment,
// Escape goes back, function keys open what is not routine.

// A scanner ends a code with one or two line ends, and a hand may hit a key twice. For this long after a scan, or after
// the screen changed to another stage, Enter does nothing: no dose may start because of an echo.
const ECHO_MS = 350;
let quietUntil = 0;
let echoUntil = 0;
let stage = document.querySelector('#work')?.dataset.stage;

const quiet = () => { quietUntil = performance.now() + ECHO_MS; };

export function keys() {
  document.addEventListener('keydown', onKey, true);
  document.addEventListener('keypress', (e) => { if (echo(e)) e.preventDefault(); }, true);
  document.addEventListener('click', (e) => e.target.closest('[data-back]') && back());
  document.addEventListener('submit', (e) => {
    const scan = e.target.querySelector('[data-scan]');
    if (scan && !scan.value.trim()) { e.preventDefault(); e.stopImmediatePropagation(); }
  }, true);
  document.addEventListener('htmx:beforeSend', (e) => {
    const scan = e.target.querySelector?.('[data-scan]');
    if (scan) { scan.value = ''; quiet(); }
    for (const once of e.target.querySelectorAll?.('[data-once]') ?? []) once.value = ''; // it was for this scan alone
  });
  document.addEventListener('lieu:badge', (e) => takeOver(e.detail.value));
  document.addEventListener('htmx:afterSwap', () => {
    const now = document.querySelector('#work')?.dataset.stage;
    if (now !== stage) {
      stage = now;
      quiet();
      if (document.querySelector('#queue')) htmx.trigger('#queue', 'refresh');
    }
  });
  // A button beside the panes was clicked: the next scan belongs into the field again.
  document.addEventListener('htmx:afterRequest', () => {
    if (document.activeElement?.closest('.queue')) document.querySelector('[data-scan]')?.focus();
  });
}

// focusField puts the cursor where the next input belongs. A list that refreshes itself takes it from nobody.
export function focusField(root) {
  const wanted = root.querySelector?.('[autofocus]:not([data-scan])') ?? root.querySelector?.('[data-focus] input:not([type=hidden])');
  if (wanted) wanted.focus();
  else if (document.activeElement === document.body) document.querySelector('[data-scan]')?.focus();
}

// echo tells the second line end of a scan, which must not send the form into whose next field it comes.
function echo(e) {
  if (e.key !== 'Enter') echoUntil = 0;
  return performance.now() < echoUntil;
}

function onKey(e) {
  if (echo(e)) { e.preventDefault(); return; }
  if (e.ctrlKey || e.altKey || e.metaKey) return;
  if (e.key === 'Enter' && e.target.matches?.('[data-badge]')) { e.preventDefault(); next(e.target); return; }
  if (e.key === 'Enter' && e.target.matches?.('[data-next]')) { e.preventDefault(); echoUntil = performance.now() + ECHO_MS; following(e.target)?.focus(); return; }
  if (e.key === 'Escape' || /^F\d+$/.test(e.key)) { special(e); return; }
  const scan = document.querySelector('[data-scan]');
  const free = e.target === document.body || (e.target === scan && !scan.value);
  if (free && (e.key === 'Enter' || e.key === ' ')) {
    e.preventDefault();
    if (!e.repeat && performance.now() >= quietUntil) document.querySelector('#work [data-primary]:not(:disabled)')?.click();
    return;
  }
  if (e.target === document.body && scan && e.key.length === 1) scan.focus(); // the key lands in the field
}

function special(e) {
  const key = `[data-key="${e.key}"]:not([hidden])`;
  const target = document.querySelector(`#work ${key}`) ?? document.querySelector(key);
  if (!target) return;
  e.preventDefault();
  if (target.matches('select')) target.focus();
  else if (!e.repeat) target.click();
}

// back leaves a patient who was only looked at; a dose under way stays on the screen.
function back() {
  const station = document.querySelector('[data-station]')?.dataset.station;
  if (station) htmx.ajax('GET', `/window/${station}/work?aside=1`, { target: '#work', swap: 'outerHTML' });
}

// next moves from a badge to its PIN.
function next(input) {
  const fields = [...input.form.elements].filter((f) => f.type === 'password');
  fields.find((f) => input.compareDocumentPosition(f) & Node.DOCUMENT_POSITION_FOLLOWING)?.focus();
}

// following is the field after one that a scanner fills: the line end of a scan does not send a form that is half filled.
function following(input) {
  const fields = [...input.form.elements].filter((f) => f.offsetParent && f.matches('input, select, textarea'));
  return fields[fields.indexOf(input) + 1];
}

// takeOver lets the owner of a badge prove their PIN.
function takeOver(badge) {
  sessionStorage.setItem('badge', badge);
  location.assign(`/switch?back=${encodeURIComponent(location.pathname)}`);
}

// scanned takes a code from the station's own scanner.
export function scanned(scan) {
  document.dispatchEvent(new Event('lieu:scan'));
  const badge = [...document.querySelectorAll('[data-badge]')].find((f) => f.offsetParent);
  if (badge) { badge.value = scan.text; next(badge); return; }
  if (scan.kind === 'staff') { takeOver(scan.text); return; }
  const field = document.querySelector('#scan');
  if (!field) return;
  field.value = scan.text;
  field.form.requestSubmit();
}
