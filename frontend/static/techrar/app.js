// Copy buttons; without scripts they stay hidden and the text can still be selected.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });
}
