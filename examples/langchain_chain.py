"""LangChain: retrieve, rerank, and make a prompt; `python examples/langchain_chain.py INDEX QUESTION`.

INDEX is the folder of an index or the URL of a service. Put your chat model behind the prompt: `chain | model`.
"""

from __future__ import annotations

import sys

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough

import tamis
from tamis.integrations.langchain import TamisRetriever
from tamis.integrations.searcher import Searcher

PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Answer from these passages and cite them by their ids:\n\n{context}"), ("human", "{question}")]
)


def make_chain(index: Searcher) -> Runnable[str, object]:
    """Return a chain from a question to the prompt for a chat model."""
    retriever = TamisRetriever(searcher=index, k=5, options={"diversity": 0.3})
    return {"context": retriever | RunnableLambda(join), "question": RunnablePassthrough()} | PROMPT


def join(documents: list[Document]) -> str:
    """Write documents with their ids, one after the other."""
    return "\n\n".join(f"[{document.id}]\n{document.page_content}" for document in documents)


def main(where: str, question: str) -> None:
    """Print the prompt, and where its passages came from."""
    with tamis.open(where) as index:
        for message in make_chain(index).invoke(question).to_messages():
            print(f"{message.type}: {message.content}\n")
        for document in TamisRetriever(searcher=index, k=5).invoke(question):
            print(document.id, document.metadata["tamis"])


if __name__ == "__main__":
    main(*sys.argv[1:])
