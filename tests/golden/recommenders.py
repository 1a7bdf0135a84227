#!/usr/bin/env python3
"""The numbers of src/training/oracle_test.cc, from the formulas in numpy alone: nothing of ours computes them.

  recommenders.py movielens-100k/u.data.xz      needs numpy; prints a row a model

MovieLens-100K, all ratings as plays. Each user's events in order of time (ties in the file's order): the last fifth, rounded,
is hidden. Full ranking of all unseen films that anyone is known to have played. recall@20 = hits / hidden films;
ndcg@20 with binary gains; means over users.
"""
import lzma
import sys

import numpy as np


def read(path):
    rows = [line.split("\t") for line in lzma.open(path, "rt", encoding="utf-8")]
    users = sorted({r[0] for r in rows})
    films = {}
    by_user = {u: [] for u in users}
    for user, film, _, when in rows:
        films.setdefault(film, len(films))
        by_user[user].append((int(when), films[film]))
    known = np.zeros((len(users), len(films)))
    hidden = np.zeros_like(known)
    for k, user in enumerate(users):
        events = sorted(by_user[user], key=lambda e: e[0])
        cut = len(events) - int(0.2 * len(events) + 0.5)
        known[k, [film for _, film in events[:cut]]] = 1
        hidden[k, [film for _, film in events[cut:]]] = 1
    return known, hidden


def report(name, scores, known, hidden):
    scores = np.where((known > 0) | (known.sum(0) == 0), -np.inf, scores)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    hits = np.take_along_axis(hidden, top, 1)
    size = hidden.sum(1)
    gain = 1 / np.log2(np.arange(2, 22))
    ideal = np.array([gain[: min(20, int(n))].sum() for n in size])
    print(f"{name:24s} recall@20 {np.mean(hits.sum(1) / size):.4f}  ndcg@20 {np.mean((hits @ gain) / ideal):.4f}  "
          f"precision@10 {hits[:, :10].mean():.4f}")


def ease(known, l2):
    """Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8."""
    p = np.linalg.inv(known.T @ known + l2 * np.eye(known.shape[1]))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    return known @ b


def cosine(known):
    gram = known.T @ known
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    similar = gram / norm / norm[:, None]
    np.fill_diagonal(similar, 0)
    return known @ similar


def ials(known, factors, alpha0, regularization, iterations, seed):
    """Rendle et al., "Revisiting the performance of iALS", RecSys 2022, equations 1 to 4, nu = 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.1 / np.sqrt(factors), (known.shape[0], factors))
    y = rng.normal(0, 0.1 / np.sqrt(factors), (known.shape[1], factors))

    def half(fixed, seen):
        gram = alpha0 * fixed.T @ fixed
        out = np.zeros((seen.shape[0], factors))
        for row in range(seen.shape[0]):
            of = fixed[seen[row] > 0]
            ridge = regularization * (len(of) + alpha0 * fixed.shape[0])
            out[row] = np.linalg.solve(gram + of.T @ of + ridge * np.eye(factors), of.sum(0))
        return out

    for _ in range(iterations):
        x = half(y, known)
        y = half(x, known.T)
    return half(y, known) @ y.T


def main():
    known, hidden = read(sys.argv[1])
    report("popularity", np.tile(known.sum(0), (len(known), 1)), known, hidden)
    report("cosine, all neighbours", cosine(known), known, hidden)
    for l2 in (100, 500):
        report(f"EASE l2={l2}", ease(known, l2), known, hidden)
    for seed in (1, 2, 3, 4, 5):
        report(f"iALS k=32 seed {seed}", ials(known, 32, 0.1, 0.003, 15, seed), known, hidden)


if __name__ == "__main__":
    main()
