/** Sets what an element is: attributes by name, `text`, `class`, and `on` for listeners. */
const dress = (element, props) => {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') {
      for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    } else if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
};

const add = (element, children) => {
  for (const child of children.flat()) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
  return element;
};

/** An element. Texts are only ever texts: nothing that a server says can become markup. */
export const h = (tag, props = {}, ...children) => {
  const element = document.createElement(tag);
  dress(element, props);
  return add(element, children);
};

const SVG = 'http://www.w3.org/2000/svg';

/** An element of a drawing. */
export const s = (tag, props = {}, ...children) => {
  const element = document.createElementNS(SVG, tag);
  dress(element, props);
  return add(element, children);
};

/** Writes a text if it is another one: an untouched node is not laid out anew, nor read out again. */
export const say = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const byId = (id) => document.getElementById(id);
