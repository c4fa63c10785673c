// Highlighting: the words of the query, and words that share their stem, marked in a passage's text.

import { make } from "./dom.js";

const WORD = /[\p{L}\p{N}_]+/gu;
const COMMON = new Set(
  ("a an and are as at be by can do does for from has have how i if in is it its my not of on or that the there " +
    "this to was what when where which who why will with you your").split(" "),
);

export function terms(query) {
  const words = [...query.toLowerCase().matchAll(WORD)].map((found) => found[0]);
  const kept = words.filter((word) => !COMMON.has(word));
  return [...new Set(kept.length ? kept : words)];
}

// Close to what a stemmer does, for the eye alone: "sorting" is marked for "sort", "sortable" too, "sorcery" is not.
function matches(word, wanted) {
  if (word === wanted) return true;
  const [short, long] = word.length < wanted.length ? [word, wanted] : [wanted, word];
  if (short.length < 3) return false;
  if (long.startsWith(short)) return long.length - short.length <= 4;
  const stem = short.slice(0, -1);
  return stem.length >= 4 && long.startsWith(stem) && long.length - stem.length <= 4;
}

export function highlighted(text, wanted) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(WORD)) {
    const word = found[0].toLowerCase();
    if (!wanted.some((term) => matches(word, term))) continue;
    if (found.index > from) nodes.push(text.slice(from, found.index));
    nodes.push(make("mark", {}, found[0]));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

// Begins a long text a little before the place where most of the query's words stand close together.
export function snippet(text, wanted, width = 320) {
  if (text.length <= width) return text;
  const places = [...text.matchAll(WORD)]
    .map((found) => [found.index, wanted.findIndex((term) => matches(found[0].toLowerCase(), term))])
    .filter(([, term]) => term >= 0);
  let best = 0;
  let start = 0;
  for (const [place] of places) {
    const inside = new Set(places.filter(([at]) => at >= place && at < place + width).map(([, term]) => term));
    if (inside.size > best) [best, start] = [inside.size, place];
  }
  if (start < 80) return text;
  const cut = text.lastIndexOf(" ", start - 40);
  return `… ${text.slice(cut > 0 ? cut + 1 : start).trimStart()}`;
}
