#!/usr/bin/env python3
"""Our ALS beside PyPI `implicit` on MovieLens-1M: seconds, CPU seconds and recall@20 on the same held-out tenth.

    python3 -m venv build/bench-venv && build/bench-venv/bin/pip install implicit==0.7.3
    build/bench-venv/bin/python bench/als_vs_implicit.py --program build/release/bench/train_pairs

Rounds are interleaved (ours, theirs, ours, …), so that a noisy machine hurts both; each fit runs in a process of its own.
Prints one line a fit, then a table of minimum and median. CPU seconds are the fairer number on a shared machine.
"""
import argparse
import json
import lzma
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

DEFAULT_DATA = os.path.join(
    os.environ.get("HOEGO_DATA", os.path.join(os.path.dirname(__file__), "..", "..", "shared", "data")),
    "movielens-1m-implicit",
    "pairs_file_order.txt.xz",
)


def held_out(unit, item):
    """The split of bench/train_pairs.cc, on arrays of unsigned 32-bit numbers."""
    import numpy as np

    h = (unit * np.uint32(2654435761)) ^ (item * np.uint32(2246822519))
    return ((h * np.uint32(3266489917)) >> np.uint32(16)) < 6554


def load(path):
    import numpy as np
    from scipy.sparse import csr_matrix

    with lzma.open(path) as f:
        pairs = np.loadtxt(f, dtype=np.uint32)
    unit, item = pairs[:, 0], pairs[:, 1]
    unit_ids, rows = np.unique(unit, return_inverse=True)
    item_ids, cols = np.unique(item, return_inverse=True)
    held = held_out(unit, item)
    shape = (len(unit_ids), len(item_ids))

    def matrix(mask):
        return csr_matrix((np.ones(mask.sum(), dtype=np.float32), (rows[mask], cols[mask])), shape=shape)

    return matrix(~held), matrix(held)


def recall20(model, train, held):
    import numpy as np

    users = np.flatnonzero(np.diff(held.indptr))
    ids, _ = model.recommend(users, train[users], N=20, filter_already_liked_items=True)
    total = 0.0
    for row, user in zip(ids, users):
        wanted = held.indices[held.indptr[user]: held.indptr[user + 1]]
        total += len(np.intersect1d(row, wanted)) / min(20, len(wanted))
    return total / len(users)


def run_implicit(args):
    """One fit of `implicit` in this process; prints a JSON line."""
    import implicit

    train, held = load(args.data)
    model = implicit.als.AlternatingLeastSquares(
        factors=args.factors, iterations=args.iterations, num_threads=args.threads, alpha=args.alpha,
        regularization=args.implicit_regularization, use_cg=not args.cholesky, random_state=1)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.monotonic()
    model.fit(train, show_progress=False)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "recall@20": recall20(model, train, held),
                      "pairs": int(train.nnz), "held": int(held.nnz), "version": implicit.__version__}))


def call(command):
    env = dict(os.environ, OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(args):
    me = [sys.executable, os.path.abspath(__file__), "--data", args.data, "--threads", str(args.threads), "--iterations",
          str(args.iterations), "--alpha", str(args.alpha), "--implicit-regularization",
          str(args.implicit_regularization), "--one"]
    contenders = {}
    for k in args.factors_list:
        for solver in args.solvers:
            contenders[f"hoego {solver}", k] = [
                args.program, args.data, str(args.threads), "als", f"factors={k}", f"iterations={args.iterations}",
                f"solver={solver}", "loss=false", f"alpha0={args.alpha0}", f"regularization={args.regularization}"]
        contenders["implicit cg", k] = me + ["--factors", str(k)]
    results = {key: [] for key in contenders}
    for round_number in range(args.rounds):
        for key, command in contenders.items():
            r = call(command)
            results[key].append(r)
            print(f"round {round_number + 1} k={key[1]:<4} {key[0]:<15} {r['seconds']:7.2f} s {r['cpu_seconds']:7.2f} CPU s"
                  f"  recall@20 {r['recall@20']:.4f}", flush=True)
    first = {key: rows[0] for key, rows in results.items()}
    implicit_row = next(r for key, r in first.items() if key[0].startswith("implicit"))
    hoego_row = next(r for key, r in first.items() if key[0].startswith("hoego"))
    assert implicit_row["pairs"] == hoego_row["pairs"] and implicit_row["held"] == hoego_row["held"], "different splits"
    print(f"\nimplicit {implicit_row['version']}, Python {platform.python_version()}; hoego simd={hoego_row['simd']}; "
          f"{args.threads} threads, {args.iterations} iterations, {hoego_row['pairs']} pairs, {hoego_row['held']} held out")
    print("| k | | s min | s median | CPU s min | CPU s median | recall@20 |\n|---|---|---|---|---|---|---|")
    for (name, k), rows in results.items():
        wall = [r["seconds"] for r in rows]
        cpu = [r["cpu_seconds"] for r in rows]
        print(f"| {k} | {name} | {min(wall):.2f} | {statistics.median(wall):.2f} | {min(cpu):.2f} | "
              f"{statistics.median(cpu):.2f} | {rows[0]['recall@20']:.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="bench/train_pairs of a release build")
    parser.add_argument("--data", default=DEFAULT_DATA)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--factors-list", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--solvers", nargs="+", default=["cholesky", "cg"])
    parser.add_argument("--alpha0", type=float, default=0.1)
    parser.add_argument("--regularization", type=float, default=0.003)
    parser.add_argument("--alpha", type=float, default=11.0, help="of implicit: confidence of a seen pair")
    parser.add_argument("--implicit-regularization", type=float, default=0.01)
    parser.add_argument("--factors", type=int, default=64, help=argparse.SUPPRESS)
    parser.add_argument("--cholesky", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_implicit(args)
        return
    if not os.path.exists(args.data):
        print(f"skipped: no data at {args.data}; set HOEGO_DATA")
        return
    if not args.program:
        parser.error("--program is needed")
    compare(args)


if __name__ == "__main__":
    main()
