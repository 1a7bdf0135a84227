#!/usr/bin/env python3
"""Runs one scenario against the real program: port 0, a folder of its own.

A line is
  METHOD PATH [JSON] [Header: value]…  -> STATUS [JSON]     one request and what it must answer
  NDJSON PATH -> STATUS [JSON]                              the body is the following lines that begin with "| "
  KILL | RESTART                                            SIGKILL; start again on the same folder
  STOP                                                      SIGTERM must end with exit 0; start again
  RETRY n                                                   the next line may be asked up to n times, 50 ms apart, until it fits
  # comment
The expected JSON is a subset: every field named must be there and fit; "…" fits anything; "${name}" takes a value into a
variable the first time and must equal it afterwards.
"""
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


class Failure(Exception):
    pass


class Server:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.folder, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=open(self.folder + ".log", "ab"), text=True)
        line = self.process.stdout.readline()
        m = re.match(r"ready http=(\S+) grpc=\S+$", line)
        if not m:
            raise Failure(f"no ready line, got {line!r}; log: {open(self.folder + '.log').read()[-2000:]}")
        self.base = "http://" + m.group(1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=30)
        if code != 0:
            raise Failure(f"SIGTERM ended with exit {code}")

    def ask(self, method, path, body, headers):
        request = urllib.request.Request(self.base + path, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()


def fits(expected, got, variables, where="$"):
    if isinstance(expected, str) and expected == "…":
        return
    if isinstance(expected, str) and re.fullmatch(r"\$\{\w+\}", expected):
        name = expected[2:-1]
        if name in variables:
            expected = variables[name]
        else:
            variables[name] = got
            return
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            raise Failure(f"{where}: expected an object, got {got!r}")
        for key, value in expected.items():
            if key not in got:
                raise Failure(f"{where}: no field {key!r} in {got!r}")
            fits(value, got[key], variables, f"{where}.{key}")
    elif isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            raise Failure(f"{where}: expected {len(expected)} elements, got {got!r}")
        for i, value in enumerate(expected):
            fits(value, got[i], variables, f"{where}[{i}]")
    elif isinstance(expected, float) and isinstance(got, (int, float)):
        if abs(expected - got) > 1e-6 * max(1.0, abs(expected)):
            raise Failure(f"{where}: expected {expected}, got {got}")
    elif expected != got:
        raise Failure(f"{where}: expected {expected!r}, got {got!r}")


def substitute(text, variables):
    return re.sub(r"\$\{(\w+)\}", lambda m: str(variables.get(m.group(1), m.group(0))), text)


def run_line(server, line, block, variables):
    request, _, reply = line.partition("->")
    words = substitute(request.strip(), variables).split(None, 2)
    method, path = words[0], words[1]
    rest = words[2].strip() if len(words) > 2 else ""
    headers = {}
    body = None
    if rest.startswith(("{", "[")):
        decoder = json.JSONDecoder()
        _, end = decoder.raw_decode(rest)
        body, rest = rest[:end].encode(), rest[end:].strip()
        headers["Content-Type"] = "application/json"
    for field in filter(None, rest.split("  ")):
        name, _, value = field.partition(":")
        headers[name.strip()] = value.strip()
    if method == "NDJSON":
        method, body = "POST", substitute("\n".join(block), variables).encode()
        headers["Content-Type"] = "application/x-ndjson"
    status, text = server.ask(method, path, body, headers)
    expected_status, _, expected = reply.strip().partition(" ")
    if str(status) != expected_status:
        raise Failure(f"expected {expected_status}, got {status}: {text[:600]}")
    if expected.strip():
        fits(json.loads(expected), json.loads(text), variables)


def main():
    program, path = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as tmp:
        server = Server(program, tmp + "/data")
        variables = {}
        lines = open(path, encoding="utf-8").read().splitlines()
        at = 0
        done = 0
        retries = 0
        try:
            while at < len(lines):
                number, line = at + 1, lines[at].strip()
                at += 1
                block = []
                while at < len(lines) and lines[at].startswith("| "):
                    block.append(lines[at][2:])
                    at += 1
                if not line or line.startswith("#"):
                    continue
                try:
                    if line == "KILL":
                        server.kill()
                    elif line == "RESTART":
                        server.start()
                    elif line == "STOP":
                        server.stop()
                        server.start()
                    elif line.startswith("RETRY "):
                        retries = int(line.split()[1])
                        continue
                    else:
                        while True:
                            kept = dict(variables)
                            try:
                                run_line(server, line, block, variables)
                                break
                            except Failure:
                                if retries == 0:
                                    raise
                                retries -= 1
                                variables = kept
                                time.sleep(0.05)
                    retries = 0
                    done += 1
                except Failure as e:
                    print(f"{path}:{number}: {line}\n  {e}")
                    print(open(tmp + "/data.log").read()[-1500:])
                    return 1
            server.stop() if server.process.poll() is None else None
        finally:
            if server.process.poll() is None:
                server.kill()
    if done == 0:
        print(f"{path}: no line was run")
        return 1
    print(f"{done} lines passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
