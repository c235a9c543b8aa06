// Everything here is an addition: each page does the same without it, by a link or a reload.

// The same ?v= as this file was asked for with, so that both are kept by the browser for as long.
const { initAll } = await import('./govuk-frontend.min.js' + new URL(import.meta.url).search)

initAll()
document.querySelectorAll('[data-live]').forEach(keepFresh)
document.querySelectorAll('form[data-once]').forEach(sendOnce)

// <div id="steps" data-live="/status/…/events">: on each message the page is fetched again and this part replaced.
function keepFresh (part) {
  if (!part.id || !window.EventSource) return
  if (!part.hasAttribute('aria-live')) part.setAttribute('aria-live', 'polite')
  let busy = false
  let again = false

  async function refresh () {
    if (busy) { again = true; return }
    busy = true
    try { await swap(part) } catch { /* the next message, or a reload, tries again */ }
    busy = false
    if (again) { again = false; refresh() }
  }

  const source = new EventSource(part.dataset.live)
  source.addEventListener('message', refresh)
  window.addEventListener('pagehide', () => source.close())
  window.addEventListener('pageshow', (event) => { if (event.persisted) window.location.reload() })
}

async function swap (part) {
  const answer = await fetch(window.location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' })
  if (!answer.ok) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const fresh = page.getElementById(part.id)
  if (!fresh || fresh.innerHTML === part.innerHTML) return
  await untilNobodyIsIn(part)
  part.replaceChildren(...fresh.childNodes)
  initAll({ scope: part })
}

// Focus is never moved: while somebody is on a link or in a field of this part, it stays as it is.
function untilNobodyIsIn (part) {
  return new Promise((resolve) => {
    function look () {
      if (part.contains(document.activeElement)) {
        part.addEventListener('focusout', () => setTimeout(look), { once: true })
      } else resolve()
    }
    look()
  })
}

// <form data-once>: a second press while the first is on its way sends nothing.
function sendOnce (form) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) { event.preventDefault(); return }
    form.dataset.sent = 'yes'
    form.querySelectorAll('button').forEach((button) => button.setAttribute('aria-disabled', 'true'))
  })
  window.addEventListener('pageshow', () => {
    delete form.dataset.sent
    form.querySelectorAll('button').forEach((button) => button.removeAttribute('aria-disabled'))
  })
}
