// Elements. Texts are always text nodes, so nothing that is shown can be markup.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. A property that the element has is set, anything else becomes an attribute; what is `undefined` or `false` is left out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | undefined | ((event: Event) => unknown)>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function' || name === 'checked' || name === 'value') Reflect.set(element, name, value)
    else element.setAttribute(name === 'className' ? 'class' : name, value === true ? '' : `${value}`)
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...SVGElement} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  element.append(...children)
  return element
}

/**
 * The element of index.html that has this id.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (!element) throw new Error(`There is no #${id}`)
  return /** @type {E} */ (element)
}

/**
 * Sets a text only where it differs: a text node that is replaced every second cannot be selected.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Makes the children of an element those of a list, by their keys: what stays is kept, with its focus and its selection.
 *
 * @template Item
 * @template {HTMLElement} E
 * @param {HTMLElement} parent
 * @param {readonly Item[]} items
 * @param {{ key: (item: Item) => string, make: (item: Item) => E, update: (element: E, item: Item) => void }} how
 */
export function keyed(parent, items, { key, make, update }) {
  const old = new Map(
    Array.from(parent.children, (child) => [child.getAttribute('data-key'), /** @type {E} */ (child)]),
  )
  let place = parent.firstElementChild
  for (const item of items) {
    const name = key(item)
    let element = old.get(name)
    old.delete(name)
    if (!element) {
      element = make(item)
      element.setAttribute('data-key', name)
    }
    update(element, item)
    if (element === place) place = place.nextElementSibling
    else parent.insertBefore(element, place)
  }
  for (const element of old.values()) element.remove()
}
