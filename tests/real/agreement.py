"""The two ends of llamacpp_agreement.sh.

usage: agreement.py texts                     the texts to agree about, a JSON object a line
       agreement.py compare URL TEXTS         asks the server at URL, reports, fails below 98 %
"""

import collections
import json
import pathlib
import random
import re
import sys
import urllib.request

LEAST_AGREEMENT = 0.98
WORD_PROMPTS = 8
WORDS_A_PROMPT = 24
ANSWER_TOKENS = 24
# One request for one token: far longer than any machine needs.
WAIT_S = 60


def texts():
    """English paragraphs as they are, and questions of listed words in the chat template."""
    root = pathlib.Path(__file__).parents[2]
    for paragraph in (root / "tests/real/english.txt").read_text().split("\n\n"):
        yield {"kind": "english", "text": paragraph.strip(), "chat": False, "answer": 0}
    source = (root / "core/src/words.rs").read_text()
    words = re.findall(r'"([a-z]+)"', source[source.index("WORDS: &[&str]"):])
    draw = random.Random(1)
    for _ in range(WORD_PROMPTS):
        prompt = " ".join(draw.choices(words, k=WORDS_A_PROMPT))
        yield {"kind": "words", "text": prompt, "chat": True, "answer": ANSWER_TOKENS}


def ask(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
        return json.load(reply)


def tokens_of(url, text):
    """What the server makes of a text: its template, its special tokens, its vocabulary."""
    content = text["text"]
    if text["chat"]:
        messages = [{"role": "user", "content": content}]
        content = ask(url, "/apply-template", {"messages": messages})["prompt"]
    body = {"content": content, "add_special": True, "parse_special": True}
    return ask(url, "/tokenize", body)["tokens"]


def next_token(url, tokens):
    """The greedy token after `tokens`, and how much likelier it is than the second, in nats."""
    body = {"prompt": tokens, "n_predict": 1, "temperature": 0, "n_probs": 2, "id_slot": 0}
    best, second = ask(url, "/completion", body)["completion_probabilities"][0]["top_logprobs"]
    return best["id"], best["logprob"] - second["logprob"]


def compare(url, path):
    asked = [json.loads(line) for line in open(path)]
    answered = [json.loads(line) for line in open(path + ".answers")]
    assert len(asked) == len(answered), "not every text was answered"
    agreed, margins = collections.defaultdict(list), []
    for number, (text, forced) in enumerate(zip(asked, answered), start=1):
        given = forced["tokens"][: forced["given"]]
        served = tokens_of(url, text)
        assert given == served, f"other tokens for {text['text']!r}:\n{given}\n{served}"
        for position, ours in enumerate(forced["next"]):
            theirs, margin = next_token(url, forced["tokens"][: position + 1])
            kind = "answers" if position + 1 >= forced["given"] and text["chat"] else text["kind"]
            agreed[kind].append(ours == theirs)
            if ours != theirs:
                margins.append(margin)
        done = sum(agreed.values(), [])
        print(f"{number}/{len(asked)} texts: {sum(done)} of {len(done)} agree", file=sys.stderr)
    report(agreed, margins)
    return sum(done) / len(done)


def report(agreed, margins):
    everything = sum(agreed.values(), [])
    for kind, same in [*agreed.items(), ("all", everything)]:
        print(f"{kind:8} {sum(same):4} of {len(same):4} agree, {sum(same) / len(same):6.1%}")
    if margins:
        margins.sort()
        median, largest = margins[len(margins) // 2], margins[-1]
        print(f"where not, the server prefers its own by {median:.3f} nats (median), {largest:.3f} at most")


def main(arguments):
    match arguments:
        case ["texts"]:
            for text in texts():
                print(json.dumps(text))
        case ["compare", url, path]:
            agreement = compare(url, path)
            if agreement < LEAST_AGREEMENT:
                sys.exit(f"agreement is {agreement:.1%}, below {LEAST_AGREEMENT:.0%}")
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
