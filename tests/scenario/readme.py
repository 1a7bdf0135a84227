#!/usr/bin/env python3
"""Runs the README's own lines: what a newcomer copies must work as written.

The indented blocks under "Your own CSV" and "Your own service" are given to bash as they stand; only the port and the
<decision_id> that the reader is told to keep are filled in.
"""
import json
import os
import re
import subprocess
import sys
import tempfile


def block(readme, title):
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## )", readme, re.S | re.M)
    lines = re.findall(r"^    (.*)$", section.group(1), re.M) if section else []
    if not lines:
        sys.exit(f"README.md: no block under \"{title}\"")
    return lines


def commands(lines):
    """One command a list entry: a line that opens a quote goes on until it closes."""
    command = ""
    for line in lines:
        command += line + "\n"
        if command.count("'") % 2 == 0:
            yield command
            command = ""


def run(command, env, folder):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=env, capture_output=True, text=True,
                          timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"README: {command}  exit {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout


def main():
    program, readme_path = os.path.abspath(sys.argv[1]), sys.argv[2]
    readme = open(readme_path, encoding="utf-8").read()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/build/release")
        os.symlink(program, f"{folder}/build/release/hoego")
        with open(f"{folder}/plays.csv", "w", encoding="utf-8") as f:
            f.write("user_id,film,ts\n")
            films = ["alien", "brazil", "casablanca", "dumbo", "eraserhead", "fargo", "gandhi", "heat", "ikiru", "jaws"]
            for user in range(60):
                for k in range(6):
                    f.write(f"user{user},{films[(user + k * k) % 10]},{1700000000 + 60 * (10 * user + k)}\n")
        server = None
        try:
            for command in commands(block(readme, "Your own CSV")):
                if " serve " not in command:
                    run(command, os.environ, folder)
                    continue
                words = command.split()
                words[words.index("--http") + 1] = "127.0.0.1:0"
                server = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                ready = re.match(r"ready http=(\S+)", server.stdout.readline())
                base = "http://" + ready.group(1)
            if len(open(f"{folder}/recommendations.jsonl").readlines()) != 60:
                sys.exit("README: recommend --all did not write a line for each of the 60 users")
            answers = []
            decision = ""
            # With --fail-with-body an error status ends the command; the refused ship at the end is looked at below.
            env = dict(os.environ)
            for command in commands(block(readme, "Your own service")):
                if command.startswith("H="):
                    continue
                command = f"H={base}; curl() {{ command curl -sS --fail-with-body \"$@\"; }}\n" + command
                if command.rstrip().split("#")[0].rstrip().endswith("t1:ship"):
                    answers.append(subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout)
                    continue
                answer = run(command.replace("<decision_id>", decision), env, folder)
                answers.append(answer)
                if '"decision_id"' in answer:
                    decision = json.loads(answer)["decision_id"]
            verdict, ship = json.loads(answers[-2]), json.loads(answers[-1])
            if not decision or verdict.get("verdict") not in ("undecided", "keep", "ship", "invalid", "roll_back"):
                sys.exit(f"README: no verdict at the end: {answers[-2]}")
            if sum(verdict["units"].values()) != 1:
                sys.exit(f"README: the one visitor does not count as one unit: {answers[-2]}")
            # One visitor cannot decide a test: the ship is refused, with the reason.
            if ship.get("status") != 409 or "verdict is" not in ship.get("detail", ""):
                sys.exit(f"README: shipping an undecided test: {answers[-1]}")
            server.terminate()
            if server.wait(timeout=30) != 0:
                sys.exit("README: SIGTERM did not end with exit 0")
            server = None
            print(f"{len(answers)} requests of the README answered; the verdict is {verdict['verdict']}")
        finally:
            if server is not None:
                server.kill()


if __name__ == "__main__":
    main()
