// The screens work from the server's HTML; these modules add what HTML cannot: keys, live readings, a sound, a lock.
import { keys, focusField } from './keys.js';
import { live } from './live.js';
import { sound, unmute } from './sound.js';

keys();
for (const root of document.querySelectorAll('[data-stream]')) live(root);

document.addEventListener('htmx:afterSettle', (e) => {
  sound(document.querySelector('#work, #answer, .board-grid'), e.target);
  focusField(e.target);
  const wait = Number(e.target.dataset?.reset);
  if (wait) reset(e.target, wait);
});
sound(document.querySelector('#work'), document.body);
focusField(document.body);

// reset empties the answer at the door, so that the next person does not read it.
function reset(answer, seconds) {
  setTimeout(() => answer.isConnected && answer.replaceChildren(), seconds * 1000);
}

// A badge that was scanned on another page waits here for its PIN; it never stands in an address.
const badge = sessionStorage.getItem('badge');
const field = document.querySelector('form[action="/switch"] [data-badge]');
if (field && badge) {
  field.value = badge;
  field.form.elements.pin.focus();
}
sessionStorage.removeItem('badge');

// An untouched screen locks itself.
const idle = Number(document.body.dataset.idle);
if (idle) {
  let last = performance.now();
  for (const name of ['keydown', 'pointerdown', 'lieu:scan']) document.addEventListener(name, () => { last = performance.now(); }, true);
  setInterval(() => { if (performance.now() - last > idle * 1000) lock(); }, 1000);
}
for (const button of document.querySelectorAll('[data-print]')) button.addEventListener('click', () => print());
for (const button of document.querySelectorAll('[data-unmute]')) unmute(button);
for (const button of document.querySelectorAll('[data-lock]')) button.addEventListener('click', lock);

let locking = false;
function lock() {
  if (locking) return;
  locking = true;
  const form = Object.assign(document.createElement('form'), { method: 'post', action: '/lock', hidden: true });
  form.append(Object.assign(document.createElement('input'), { name: 'back', value: location.pathname }));
  document.body.append(form);
  form.submit();
}
