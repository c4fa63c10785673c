"""One call into Java for a whole search: text in, document numbers and scores out as bytes.

Reading 1,000 hits one by one over JNI takes ten times as long as Lucene's search. So the way from text to
packed hits is composed of method handles (java.lang.invoke), which the JIT compiles like any Java code, and
Python calls the result once: analyse, search, copy all hits into one byte array.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .jvm import java

HIT = np.dtype([("document", ">i4"), ("score", ">f4")])
"""One packed hit, in Java's byte order."""

Search = Callable[[str, int], npt.NDArray[np.void]]
"""Text and depth (at least 1) to hits, best first: HIT[n]."""

FREE_EVERY = 1_000
"""Calls after which a thread lets go of Java, and with it of the references that pyjnius leaves in each call."""

_numbers, _calls = itertools.count(), itertools.count(1)


def compile_search(searcher: Any, analyzer: Any) -> Search:
    """Compose the search over one index; call it with `LOCK` held, the result without.

    Args:
        searcher: an org.apache.lucene.search.IndexSearcher.
        analyzer: what cuts queries into terms.
    """
    handles = java("java.lang.invoke.MethodHandles")
    text, query, generator = (
        _class(name)
        for name in (
            "java.lang.String",
            "org.apache.lucene.search.Query",
            "io.anserini.search.query.BagOfWordsQueryGenerator",
        )
    )
    top = _class("org.apache.lucene.search.TopDocs")
    analyse = _virtual(generator, "buildQuery", query, text, _class("org.apache.lucene.analysis.Analyzer"), text)
    bag_of_words = java("io.anserini.search.query.BagOfWordsQueryGenerator")()
    analyse = handles.insertArguments(analyse, 0, bag_of_words, "contents", analyzer)
    find = _virtual(_class("org.apache.lucene.search.IndexSearcher"), "search", top, query, _int()).bindTo(searcher)
    hits = handles.publicLookup().findGetter(top, "scoreDocs", _class(_HITS))
    number = handles.publicLookup().findStatic(_class("java.lang.Integer"), "parseInt", _type(_int(), text))
    whole = handles.filterArguments(find, 0, analyse, number)
    for step in (hits, _pack()):
        whole = handles.filterReturnValue(whole, step)
    call = _callable(whole)
    return lambda query, depth: np.frombuffer(call((query, str(depth))).tostring(), HIT)


_HITS = "[Lorg.apache.lucene.search.ScoreDoc;"


@cache
def _pack() -> Any:
    """Compose ScoreDoc[] -> byte[]: allocate, put document and score of each hit, take the array."""
    handles = java("java.lang.invoke.MethodHandles")
    lookup = handles.publicLookup()
    one, many, buffer = _class("org.apache.lucene.search.ScoreDoc"), _class(_HITS), _class("java.nio.ByteBuffer")
    float_ = java("java.lang.Float").TYPE
    put_document = handles.filterArguments(
        _virtual(buffer, "putInt", buffer, _int()), 1, lookup.findGetter(one, "doc", _int())
    )
    put_score = handles.filterArguments(
        _virtual(buffer, "putFloat", buffer, float_), 1, lookup.findGetter(one, "score", float_)
    )
    put = handles.collectArguments(put_score, 0, put_document)  # (buffer, hit, hit)
    put = handles.permuteArguments(put, _type(buffer, buffer, one), 0, 1, 1)  # (buffer, hit)
    put = handles.collectArguments(put, 1, handles.arrayElementGetter(many))  # (buffer, hits, i)
    put = handles.permuteArguments(put, _type(buffer, buffer, _int(), many), 0, 2, 1)  # (buffer, i, hits)
    length = handles.arrayLength(many)
    product = lookup.findStatic(_class("java.lang.Math"), "multiplyExact", _type(_int(), _int(), _int()))
    size = handles.insertArguments(product, 0, java("java.lang.Integer")(HIT.itemsize))
    allocate = lookup.findStatic(buffer, "allocate", _type(buffer, _int()))
    allocate = handles.filterReturnValue(handles.filterReturnValue(length, size), allocate)
    packed = handles.countedLoop(length, allocate, put)
    return handles.filterReturnValue(packed, _virtual(buffer, "array", _class("[B")))


def _callable(handle: Any) -> Callable[[tuple[str, ...]], Any]:
    """Give a method handle a Python face that threads can share; it takes all arguments as strings.

    pyjnius keeps the object of a method call in its Java class' Python face, so two threads with two objects
    of one class can call each other's. This face is of a class of its own, which has this one object.
    Strings, as pyjnius makes an array of the first argument's type out of mixed ones.
    """
    from jnius import JavaClass, JavaMethod, MetaJavaClass, cast, detach

    face = MetaJavaClass(
        "Search",
        (JavaClass,),
        {
            "__javaclass__": "java/lang/invoke/MethodHandle",
            "invokeWithArguments": JavaMethod("([Ljava/lang/Object;)Ljava/lang/Object;"),
        },
        classparams=("tamis", next(_numbers)),  # the key under which pyjnius remembers the face
    )
    own = cast(face, handle)

    def call(arguments: tuple[str, ...]) -> Any:
        if next(_calls) % FREE_EVERY == 0:
            detach()
        return own.invokeWithArguments(arguments)

    return call


def _class(name: str) -> Any:
    return java("java.lang.Class").forName(name)


def _int() -> Any:
    return java("java.lang.Integer").TYPE


def _type(returned: Any, *arguments: Any) -> Any:
    return java("java.lang.invoke.MethodType").methodType(returned, list(arguments))


def _virtual(owner: Any, name: str, returned: Any, *arguments: Any) -> Any:
    lookup = java("java.lang.invoke.MethodHandles").publicLookup()
    return lookup.findVirtual(owner, name, _type(returned, *arguments))
