// In the head, before the first paint: the person's choice, else the system's (the stylesheet's own default).
(function () {
  const root = document.documentElement
  const stored = () => { try { return localStorage.getItem("theme") } catch { return null } }
  const show = choice => {
    root.dataset.theme = choice
    for (const button of document.querySelectorAll("[data-set-theme]"))
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === choice))
  }
  root.classList.add("js")
  show(stored() || root.dataset.theme || "auto")
  document.addEventListener("DOMContentLoaded", () => show(root.dataset.theme))
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-set-theme]")
    if (!button) return
    try { localStorage.setItem("theme", button.dataset.setTheme) } catch { /* private window: this page only */ }
    show(button.dataset.setTheme)
  })
})()
