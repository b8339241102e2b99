"use strict";
// One sound at a time, and the next one goes on where the last one was: so they compare.
(() => {
  const sounds = [...document.querySelectorAll("audio")];
  let last = null;
  const draw = (audio) => {
    const head = audio.closest(".track").querySelector(".head");
    const { from, to } = audio.dataset;
    const share = +from + (audio.currentTime / (audio.duration || 1)) * (to - from);
    head.style.left = `${share * 100}%`;
    head.style.display = audio.currentTime > 0 && !audio.ended ? "block" : "none";
  };
  const play = (audio) => {
    if (last && last !== audio) {
      last.pause();
      if (!last.ended) audio.currentTime = last.currentTime;
    }
    last = audio;
    // The next one may pause it before it began, which browsers call an error.
    if (audio.paused) audio.play()?.catch(() => {});
  };
  for (const audio of sounds) {
    audio.addEventListener("play", () => play(audio));
    audio.addEventListener("timeupdate", () => draw(audio));
    audio.addEventListener("ended", () => draw(audio));
    const wave = audio.closest(".track").querySelector(".wave");
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const { from, to } = audio.dataset;
      const at = Math.min(1, Math.max(0, (share - from) / (to - from)));
      audio.currentTime = at * (audio.duration || 0);
      play(audio);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const chosen = sounds[Number(event.key) - 1];
    if (chosen) {
      play(chosen);
      chosen.focus({ preventScroll: true });
    } else if (event.key === "0" && last) {
      last.pause();
    }
  });
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
})();
