"""chat-tui: a terminal chat application with its own LLM router inside.

One headless engine, several faces. A face (tui/, web/, cli/) asks the engine; the engine's answers are run by the
router; every face follows the same log of chunks. Imports go down the ranks only (`tests/architecture/test_layers.py`):

    rank 5  cli                 reads the command line, hands an engine to one face; one file a command
    rank 4  tui, web            the screen, and what is served: see the engine and the words
    rank 3  assembly            builds an engine from a config: the one place that knows everybody; supply (what stands
                                behind the router), servers, facts
    rank 2  engine              the one door for faces. Behind it: answer (one exchange), answers (those that run),
                                memory (what is remembered, also in private), saving (what waits until a
                                disk takes it), asking (what is sent), analysis (a document in parts), choosing and
                                foreseeing (whom, and what it may cost), budget, titling, observing, batch, compare,
                                adaptive
    rank 1  routing, providers, local, history, insights      blind to one another
    rank 0  core, and the words: chunks, request, conversation, beginning, models, route, figures, context, config
            (rows, limits, known), presets, attachments, query, finding, markdown, errors, paths, text_safety, tokens

Where the code differs from the plan it started from:

* `open_stream` yields bursts (all chunks that one read of the socket brought) and not single chunks, so that a time
  limit stands round each read and not round each token.
* A stream is cancelled by its own door (`Stream.cancel`), which ends the wait it is in; the answer's task is not
  cancelled and writes its last save itself. `Engine.close` waits for it.
* The context is cut for each model that the router tries (`routing/context.py`), since windows differ.
* A foreign exception from behind `open_stream` becomes an `InternalError` in the router, told by kind and place and
  never by its own text: dialects may be plug-ins, and every stream owes its reader one `End`.
* Each stream has one timer for all its waits (`routing/resilience.py`); an `asyncio.timeout` around each read cost as
  much as all else that the router does for a token.
* One index of token sets serves the search (`history/search/`) where the plan had two full texts: words, CJK characters
  with their pairs, role, model and day, with a word list for beginnings and insides. The texts verify every hit.
* Private conversations have a store of their own in memory, so that no path of the code can write them.
* A model that rests gives way and is asked when nobody else is left; there is no state between resting and well.
* Markdown is a room of the words (`markdown/`: blocks that grow, links, mathematics): the screen paints what it gives
  as lines, the web as HTML.
* Answers that grow at the same time are saved by one timer (`answers.py`) and in one transaction
  (`history/pieces.py`): with hundreds of streams one for each would cost more than the text.
* What several processes share is read again when SQLite says that somebody has written (`Store.version`); what runs
  here is known best here.
* What the requests of the web share (the engine, opened once; who may come in; whose answers run; the stop) is one
  `Door` (`web/door.py`), made by `create_app` and given to each request by the app: no state in a module.
* Whoever goes away from the web cancels the answer; leaving a conversation on the screen does not.
* Frames are left out while the terminal takes nothing (`tui/driver.py`), and the whole screen is drawn when it takes
  again: else Textual's writer would hold the event loop, and with it the answers.
"""

__version__ = "0.1.0"
