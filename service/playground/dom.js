// Elements, made of text alone: nothing on this page is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

// The page's policy forbids style attributes; properties set by script are allowed.
export function styled(node, properties) {
  Object.assign(node.style, properties);
  return node;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function shown(score) {
  if (score === 0) return "0";
  const size = Math.abs(score);
  return size >= 1000 || size < 0.0001 ? score.toExponential(2) : score.toPrecision(4);
}
