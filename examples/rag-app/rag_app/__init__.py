"""Ask the runbooks: embed → retrieve → generate, on vLLM, with all three signals.

The way of a question through the modules:

    app.py         HTTP in and out, what becomes of a client that goes away
    pipeline.py    one question from its text to its answer, stage by stage
    embedding.py   text → vector
    retrieval.py   vector → the chunks of the corpus (corpus.py) nearest to it
    generation.py  question and chunks → vLLM, streamed

telemetry.py holds traces and logs, metrics.py every metric, settings.py every setting.
"""
