// Small manners of every page. Each page works without this file.

// One menu at a time; Escape and a click elsewhere close it, and Escape gives the focus back.
const openMenus = () => document.querySelectorAll("details.menu[open]")
document.addEventListener("click", event => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false
})
document.addEventListener("keydown", event => {
  if (event.key !== "Escape") return
  for (const menu of openMenus()) {
    const inside = menu.contains(document.activeElement)
    menu.open = false
    if (inside) menu.querySelector("summary").focus()
  }
})
document.addEventListener("focusin", event => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false
})

// Copy buttons: copy the field named by data-copy, say so on the button and in the live region.
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  const field = document.getElementById(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(field.value)
  } catch {
    field.focus()
    field.select()
    return // the clipboard is closed to us: the text is selected, the person copies by keyboard
  }
  const word = button.querySelector("[data-copy-word]")
  const before = word.textContent
  word.textContent = button.dataset.copied
  document.getElementById("spoken").textContent = button.dataset.copied
  setTimeout(() => { word.textContent = before }, 2000)
})

// The current tab is in sight on a phone; an error summary takes the focus.
document.addEventListener("DOMContentLoaded", () => {
  const tab = document.querySelector(".tabs [aria-current]")
  if (tab) tab.parentElement.parentElement.scrollLeft = tab.offsetLeft - 72
  document.querySelector("[data-focus]:not([data-quiet] *)")?.focus()
})

// A refused form comes back with 422 and is shown like any other answer.
document.addEventListener("htmx:beforeSwap", event => {
  if (event.detail.xhr.status === 422) { event.detail.shouldSwap = true; event.detail.isError = false }
})
document.addEventListener("htmx:afterSettle", event => event.target.querySelector?.("[data-focus]")?.focus())

// Ticking rows of a list: the box in its head ticks the page, and the bar above says how many are ticked.
const ticksOf = form => [...document.querySelectorAll(`td.tick input[form="${form}"]`)]
const sayTicked = form => {
  const words = document.querySelector(`[data-bulk="${form}"] [data-ticked]`)
  const ticks = ticksOf(form), ticked = ticks.filter(box => box.checked).length
  const number = value => Number(value).toLocaleString(document.documentElement.lang)
  if (words) words.textContent = words.dataset.words.replace("{ticked}", number(ticked)).replace("{total}", number(words.dataset.total))
  const head = document.querySelector(`[data-tick-all="${form}"]`)
  head.checked = ticks.length > 0 && ticked === ticks.length
  head.indeterminate = ticked > 0 && ticked < ticks.length
  return ticked
}
document.addEventListener("change", event => {
  const all = event.target.dataset.tickAll, form = all ?? event.target.getAttribute("form")
  if (!form || (!all && !event.target.closest("td"))) return
  if (all) for (const box of ticksOf(form)) box.checked = event.target.checked
  document.querySelector(`#${form} [name="whom"][value="ticked"]`).checked = true
  const bar = document.querySelector(`[data-bulk="${form}"]`)
  if (sayTicked(form) && bar) bar.open = true
})
for (const head of document.querySelectorAll("[data-tick-all]")) sayTicked(head.dataset.tickAll)
