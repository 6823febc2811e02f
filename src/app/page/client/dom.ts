// Elements in one expression. Text is text: nothing here parses markup.
type Props = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => unknown)>>
type Child = Node | string | false | undefined

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), props, children)
}

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children)
}

function filled<E extends Element>(element: E, props: Props, children: readonly Child[]): E {
  set(element, props)
  element.append(...children.filter((child): child is Node | string => child !== false && child !== undefined))
  return element
}

/** Attributes; a function listens to the event of that name without `on`; `false` takes the attribute away. */
export function set(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener)
    else if (value === undefined || value === false) element.removeAttribute(name)
    else if (element.getAttribute(name) !== String(value === true ? '' : value)) {
      element.setAttribute(name, String(value === true ? '' : value))
    }
  }
}

/** Changes the text only where it is another one: a screen reader would say it again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}
