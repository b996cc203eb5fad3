// A stop can be heard. The tones are made here, so there is no file to load.
let audio;
let heard;

const tones = { stop: [[440, 0.18], [330, 0.3]], look: [[660, 0.12]], call: [[784, 0.25], [659, 0.25], [523, 0.4]] };

// sound plays the sound of a part that just came on the screen, once.
export function sound(part, changed) {
  const marked = part?.matches?.('[data-sound]') ? part : part?.querySelector?.('[data-sound]');
  if (!marked) { heard = undefined; return; }
  const name = `${marked.dataset.sound} ${marked.textContent}`;
  if (name === heard || !(changed === part || changed?.contains(part) || part.contains(changed))) return;
  heard = name;
  play(tones[marked.dataset.sound] ?? []);
}

function play(list) {
  try {
    audio ??= new AudioContext();
    let at = audio.currentTime + 0.02;
    for (const [frequency, seconds] of list) {
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      tone.type = 'square';
      tone.frequency.value = frequency;
      gain.gain.setValueAtTime(0.12, at);
      gain.gain.setValueAtTime(0, at + seconds);
      tone.connect(gain).connect(audio.destination);
      tone.start(at);
      tone.stop(at + seconds);
      at += seconds;
    }
  } catch { /* no sound device: the colour, the sign and the word remain */ }
}

// unmute shows a button while the browser lets the page make no sound: it wants to be touched once by a person.
export function unmute(button) {
  try { audio ??= new AudioContext(); } catch { return; }
  const show = () => { button.hidden = audio.state === 'running'; };
  button.addEventListener('click', () => audio.resume().then(() => { show(); play(tones.call); }));
  audio.addEventListener('statechange', show);
  show();
}
