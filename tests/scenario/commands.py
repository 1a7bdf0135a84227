#!/usr/bin/env python3
"""What the commands say to mistakes: exit 0 done, 1 a finding or a refusal, 2 wrong use, and in words what was wrong.

Runs the real program. A mistake must also leave nothing behind: no store where a folder was mistyped, no run of a training
that was refused, nothing of one that was killed.
"""
import contextlib
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PROGRAM = os.path.abspath(sys.argv[1])
# Every command that opens a folder, with what it needs besides --data.
COMMANDS = {
    "serve": ["--http", "127.0.0.1:0"], "demo": ["--data-file", "none.inter"], "import": ["plays.csv", "--format", "jsonl"],
    "export": [], "doctor": [], "forget": ["ann"], "train": ["popularity"], "evaluate": ["films"],
    "recommend": ["--all", "--model", "films", "-o", "out.jsonl"], "loop run": ["none.yaml"], "runs": [], "models": [],
    "endpoints": [], "tests": [],
}
NEED_A_LOG = ["export", "doctor", "forget", "train", "evaluate", "recommend", "runs", "models", "endpoints", "tests"]
checks = 0


def hoego(folder, words, code, *said):
    """Runs one command in `folder` and checks its exit code and that each of `said` stands in what it wrote."""
    global checks
    done = subprocess.run([PROGRAM, *words], cwd=folder, capture_output=True, text=True, timeout=120)
    wrote = done.stdout + done.stderr
    if done.returncode != code:
        sys.exit(f"hoego {' '.join(words)}: expected exit {code}, got {done.returncode}\n{wrote[-1500:]}")
    for text in said:
        if text not in wrote:
            sys.exit(f"hoego {' '.join(words)}: nothing of {text!r} in\n{wrote[-1500:]}")
    checks += 1
    return done.stdout


def line_of(command, data, *more):
    return [*command.split(), *COMMANDS[command], "--data", data, *more]


@contextlib.contextmanager
def serving(folder, address, ready_line):
    """The server while it runs: its base URL, taken from the ready line."""
    server = subprocess.Popen([PROGRAM, "serve", "--data", "data", "--http", address], cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        line = server.stdout.readline()
        m = re.fullmatch(ready_line, line)
        if not m:
            sys.exit(f"serve --http {address}: its ready line is {line!r}")
        yield "http://" + m.group(1)
        server.terminate()
        if server.wait(timeout=30) != 0:
            sys.exit("SIGTERM did not end the server with exit 0")
    finally:
        server.kill()
        server.wait()


def words_that_are_no_command(folder):
    hoego(folder, ["frob"], 2, '"frob"', "known: ")
    hoego(folder, ["exprot", "--data", "data"], 2, '"exprot"', 'did you mean "export"?')
    hoego(folder, ["loop", "rnu"], 2, '"loop rnu"', 'did you mean "loop run"?')
    hoego(folder, ["frob", "--json"], 2, '{"error":')
    hoego(folder, ["version"], 0, "hoego ")


def folders_that_are_not_there(folder):
    os.mkdir(f"{folder}/empty")
    for command in NEED_A_LOG:
        hoego(folder, line_of(command, "nowhere"), 1, "nowhere: no such folder")
        hoego(folder, line_of(command, "empty"), 1, "empty holds no log")
    for command in COMMANDS:
        hoego(folder, line_of(command, ""), 2, "--data: must not be empty")
    if os.path.exists(f"{folder}/nowhere") or os.listdir(f"{folder}/empty"):
        sys.exit("a command that was refused for its folder made something there")


def wrong_use(folder):
    with open(f"{folder}/bad.conf", "w", encoding="utf-8") as f:
        f.write("http.threads = many\n")
    for command in COMMANDS:
        hoego(folder, line_of(command, "new", "--set", "x"), 2, '"x"')
        hoego(folder, line_of(command, "new", "--set", "http.threds=1"), 2, "http.threads")
        hoego(folder, line_of(command, "new", "--config", "bad.conf"), 2, "http.threads")
        hoego(folder, line_of(command, "new", "--config", "none.conf"), 2, "none.conf")
    csv = ["import", "plays.csv", "--data", "new", "--format", "csv"]
    hoego(folder, csv, 2, "columns")
    hoego(folder, [*csv, "--column", "unit"], 2, '"unit"', "field=column")
    hoego(folder, [*csv, "--column", "item=film"], 2, "unit=<column> is required")
    hoego(folder, [*csv, "--column", "unti=user_id"], 2, '"unti"', 'did you mean "unit"?')
    hoego(folder, [*csv, "--column", "unit=userid"], 2, '"userid"', 'did you mean "user_id"?')
    hoego(folder, [*csv, "--column", "unit=user_id", "--column", "unit=film"], 2, "unit is given twice")
    hoego(folder, [*csv, "--column", "unit=user_id", "--type", ""], 2, "--type: must not be empty")
    hoego(folder, ["export", "--data", "new", "--type", ""], 2, "--type: must not be empty")
    hoego(folder, ["train", "zzz"], 2, '"zzz"', "known: popularity, item_knn, ease, als")
    hoego(folder, ["train", "esae", "--data", "new"], 2, '"esae"', 'did you mean "ease"?')
    ease = ["train", "ease", "--data", "new"]
    hoego(folder, [*ease, "--param", "l2"], 2, '--param "l2"', "name=value")
    hoego(folder, [*ease, "--param", "l2=a"], 2, '--param "l2=a"')
    hoego(folder, [*ease, "--param", "l3=1"], 2, '--param "l3=1"', "l2")
    hoego(folder, [*ease, "--objective", "foo"], 2, "--objective", '"foo"')
    hoego(folder, [*ease, "--name", "a/b"], 2, "--name", "a/b")
    hoego(folder, [*ease, "--name", ""], 2, "--name: must not be empty")
    for address in ["", "7070", "127.0.0.1:99999", "nowhere.example:80"]:
        hoego(folder, ["serve", "--data", "new", "--http", address], 2, "--http")
        hoego(folder, ["demo", "--data", "new", "--data-file", "none.inter", "--http", address], 2, "--http")
    hoego(folder, ["serve", "--data", "new", "--grpc", "x"], 2, "--grpc")
    hoego(folder, ["serve", "--data", "new", "--http", "0.0.0.0:0"], 1, "--http", "0.0.0.0")  # a refusal: it was understood
    if os.path.exists(f"{folder}/new"):
        sys.exit("wrong use made a store")


def names_that_are_taken(folder):
    body = json.dumps({"model": "films", "fallback": ["popular"]}).encode()
    with serving(folder, "127.0.0.1:0", r"ready http=(127\.0\.0\.1:\d+) grpc=none\n") as base:
        put = urllib.request.Request(base + "/v1/endpoints/home", data=body, method="PUT",
                                     headers={"Content-Type": "application/json"})
        urllib.request.urlopen(put, timeout=30).close()
    before = json.loads(hoego(folder, ["runs", "--data", "data", "--json"], 0))["runs"]
    hoego(folder, ["train", "popularity", "--data", "data", "--name", "home"], 1, '"home"', "endpoint")
    hoego(folder, ["train", "popularity", "--data", "data", "--name", "popular"], 1, '"popular"')
    after = json.loads(hoego(folder, ["runs", "--data", "data", "--json"], 0))["runs"]
    if after != before:
        sys.exit(f"a refused name was trained first: {after}")


def killed_training(folder):
    values = ",".join(f"0.{n:04}" for n in range(1, 1001))
    training = subprocess.Popen([PROGRAM, "train", "als", "--data", "data", "--param", f"alpha0={values}", "--param",
                                 "iterations=1000"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    try:
        while not glob.glob(f"{folder}/data/work/train-*/job/spec.json"):
            if training.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the training that was to be killed did not get to work (exit {training.poll()})")
            time.sleep(0.01)
    finally:
        training.kill()
    if training.wait(timeout=30) != -signal.SIGKILL:
        sys.exit("the training ended before it was killed")
    if not glob.glob(f"{folder}/data/work/train-*"):
        sys.exit("nothing was left by a killed training: this checks nothing")
    runs = json.loads(hoego(folder, ["runs", "--data", "data", "--json"], 0))["runs"]
    if [r["name"] for r in runs if r["status"] == "KILLED"] != ["train als"] or "RUNNING" in [r["status"] for r in runs]:
        sys.exit(f"the run of a killed training: {runs}")
    if glob.glob(f"{folder}/data/work/train-*"):
        sys.exit("the folder of a killed training is still there")


def torn_packages(folder):
    hoego(folder, ["doctor", "--data", "data"], 0, "sound")
    cached = [f for f in glob.glob(f"{folder}/data/models/**", recursive=True) if os.path.isfile(f)]
    if not cached:
        sys.exit("no unpacked model to alter: this checks nothing")
    for path in cached:
        with open(path, "r+b") as f:
            f.write(b"altered")
    hoego(folder, ["doctor", "--data", "data"], 0, "sound")
    blobs = [f for f in glob.glob(f"{folder}/data/blobs/**", recursive=True) if re.fullmatch("[0-9a-f]{64}", os.path.basename(f))]
    listings = [f for f in blobs if open(f, "rb").read(10) == b'{"format":']
    listings = [f for f in listings if "files" in json.load(open(f, encoding="utf-8"))]
    if len(listings) != 1:
        sys.exit(f"expected the one package of films/1, found {listings}")
    named = [entry["digest"] for entry in json.load(open(listings[0], encoding="utf-8"))["files"]]
    for digest in [os.path.basename(listings[0]), *named]:
        path = next(f for f in blobs if os.path.basename(f) == digest)
        os.rename(path, f"{folder}/aside")
        hoego(folder, ["doctor", "--data", "data"], 1, "films/1", digest, "missing", "not sound")
        os.rename(f"{folder}/aside", path)
    hoego(folder, ["doctor", "--data", "data"], 0, "sound")


def ready_line_of_ipv6(folder):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
    except OSError:
        print("no IPv6 here: its ready line is not looked at")
        return
    with serving(folder, "[::1]:0", r"ready http=(\[::1\]:\d+) grpc=none\n") as base:
        urllib.request.urlopen(base + "/health", timeout=30).close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/plays.csv", "w", encoding="utf-8") as f:
            f.write("user_id,film,ts\n")
            for user in range(60):
                for k in range(6):
                    f.write(f"user{user},film{(user + k * k) % 10},{1700000000 + 60 * (10 * user + k)}\n")
        words_that_are_no_command(folder)
        folders_that_are_not_there(folder)
        wrong_use(folder)
        hoego(folder, ["import", "plays.csv", "--data", "data", "--format", "csv", "--column", "unit=user_id", "--column",
                       "item=film", "--column", "time=ts", "--type", "watch"], 0, "360 accepted")
        hoego(folder, ["train", "popularity", "--data", "data", "--name", "films"], 0, '"version":1')
        hoego(folder, ["recommend", "--all", "--data", "data", "--model", "films", "-o", "out.jsonl"], 0)
        if glob.glob(f"{folder}/data/work/train-*"):
            sys.exit("the folder of a finished training is still there")
        hoego(folder, ["train", "popularity", "--data", "data", "--positive", "none", "--name", "unborn"], 1, "none")
        names_that_are_taken(folder)
        killed_training(folder)
        torn_packages(folder)
        ready_line_of_ipv6(folder)
    print(f"{checks} command lines answered as they must")


if __name__ == "__main__":
    main()
