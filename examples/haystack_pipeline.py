"""Haystack: from a question to a prompt, saved as YAML; `python examples/haystack_pipeline.py INDEX QUESTION`.

INDEX is the folder of an index or the URL of a service. Connect a generator to `prompt.prompt` to get answers.
Haystack reports its use to its makers unless `HAYSTACK_TELEMETRY_ENABLED=False` is set.
"""

from __future__ import annotations

import sys

from haystack import Pipeline
from haystack.components.builders import PromptBuilder

from tamis.integrations.haystack import TamisRetriever

TEMPLATE = """Answer from these passages and cite them by their ids.
{% for document in documents %}
[{{ document.id }}]
{{ document.content }}
{% endfor %}
Question: {{ question }}"""


def make_pipeline(where: str) -> Pipeline:
    """Return the pipeline; the index is opened when it first runs."""
    pipeline = Pipeline()
    pipeline.add_component("retriever", TamisRetriever(where, top_k=5))
    pipeline.add_component("prompt", PromptBuilder(TEMPLATE, required_variables="*"))
    pipeline.connect("retriever.documents", "prompt.documents")
    return pipeline


def main(where: str, question: str) -> None:
    """Save the pipeline, load it as another program would, and print the prompt."""
    saved = make_pipeline(where).dumps()
    pipeline = Pipeline.loads(saved, allowed_modules=["tamis.integrations.haystack"])
    found = pipeline.run({"retriever": {"query": question}, "prompt": {"question": question}})
    print(found["prompt"]["prompt"])


if __name__ == "__main__":
    main(*sys.argv[1:])
