// The copy buttons. Without this script they stay hidden, and the page works.
const status = document.querySelector("[data-copied]");

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.firstChild;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const command = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(command);
      label.data = "Copied";
      status.textContent = `Copied: ${command}`;
    } catch { // a browser allows it on https and on this machine only
      getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      status.textContent = label.data = "Press Ctrl+C";
    }
    setTimeout(() => { label.data = "Copy"; }, 2000);
  });
}
