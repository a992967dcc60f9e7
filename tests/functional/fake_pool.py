"""A small Stratum V1 pool that judges every share on its own.

It hashes with hashlib and shares no code with Kariz, so it does not share its mistakes.
Tests of `kariz-bench` start one in a thread; run as a program it serves until killed:

    python3 fake_pool.py --port 24000 --difficulty 0.0001

All jobs are made up. The network target is never met by accident: it is far harder than
any share's.
"""
import argparse
import asyncio
import hashlib
import json
import os
import struct
import threading

DIFF1 = 0xFFFF << 208


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Session:
    def __init__(self, pool, writer, number):
        self.pool, self.writer = pool, writer
        self.extranonce1 = struct.pack(">I", 0xB0000000 + number)
        self.difficulty = pool.difficulty
        self.mask = 0
        self.login = None
        self.targets = {}  # job id -> easiest target since it was sent
        self.seen = set()

    def send(self, message):
        if not self.writer.is_closing():
            self.writer.write(json.dumps(message).encode() + b"\n")

    def call(self, method, *params):
        self.send({"id": None, "method": method, "params": list(params)})

    def set_difficulty(self, difficulty):
        self.difficulty = difficulty
        target = int(DIFF1 / difficulty)
        for job in self.targets:
            self.targets[job] = max(self.targets[job], target)
        self.call("mining.set_difficulty", difficulty)

    def notify(self, job, clean):
        if clean:
            self.targets.clear()
        self.targets[job["id"]] = int(DIFF1 / self.difficulty)
        self.call("mining.notify", job["id"], job["prevhash"], job["coinb1"],
                  job["coinb2"], job["branch"], job["version"], job["nbits"],
                  job["ntime"], clean)


class FakePool:
    """`counts` and `events` may be read at any time; `on_loop(f)` runs f(pool) safely."""

    def __init__(self, port=0, difficulty=0.0001, mask=0x1FFFE000, extranonce2_size=8,
                 ssl=None, refuse=None):
        self.port, self.difficulty, self.mask = port, difficulty, mask
        self.extranonce2_size, self.ssl, self.refuse = extranonce2_size, ssl, refuse
        self.sessions = set()
        self.jobs = {}
        self.counts = {"accepted": 0, "rejected": 0, "connects": 0, "lines": 0}
        self.reasons = {}
        self.versions, self.extranonces, self.resumes = set(), set(), []
        self.serial = 0
        self.prevhash = os.urandom(32)
        self.job = None
        self.loop = self.thread = None
        self.new_job(clean=True)

    # jobs
    def new_job(self, clean=False, branches=3, prevhash=None):
        self.serial += 1
        if clean:
            self.prevhash = prevhash or os.urandom(32)
            self.jobs.clear()
        self.job = {
            "id": "%x" % self.serial,
            "prevhash": self.prevhash.hex(),
            "coinb1": "01000000010000000000000000000000000000000000000000000000000000"
                      "000000000000ffffffff20" + os.urandom(8).hex(),
            "coinb2": os.urandom(40).hex() + "00000000",
            "branch": [os.urandom(32).hex() for _ in range(branches)],
            "version": "20000000", "nbits": "1a00ffff", "ntime": "%08x" % 0x65000000,
        }
        self.jobs[self.job["id"]] = self.job
        for s in self.sessions:
            s.notify(self.job, clean)

    def header(self, s, job, en2, ntime, nonce, bits):
        coinbase = bytes.fromhex(job["coinb1"]) + s.extranonce1 + en2
        root = sha256d(coinbase + bytes.fromhex(job["coinb2"]))
        for step in job["branch"]:
            root = sha256d(root + bytes.fromhex(step))
        version = int(job["version"], 16) & ~self.mask | bits & self.mask
        prev = bytes.fromhex(job["prevhash"])
        prev = b"".join(prev[i:i + 4][::-1] for i in range(0, 32, 4))
        return (struct.pack("<I", version) + prev + root +
                struct.pack("<III", ntime, int(job["nbits"], 16), nonce))

    def judge(self, s, params):
        login, job_id, en2, ntime, nonce = params[:5]
        if s.login is None or login != s.login:
            return [24, "Unauthorized worker", None]
        bits = int(params[5], 16) if len(params) > 5 else 0
        if bits & ~s.mask:
            return [20, "Version bits outside the mask", None]
        if job_id not in s.targets or job_id not in self.jobs:
            return [21, "Job not found", None]
        if len(en2) != 2 * self.extranonce2_size:
            return [20, "Malformed extranonce2", None]
        key = (job_id, en2, ntime, nonce, bits)
        if key in s.seen:
            return [22, "Duplicate share", None]
        s.seen.add(key)
        head = self.header(s, self.jobs[job_id], bytes.fromhex(en2), int(ntime, 16),
                           int(nonce, 16), bits)
        if int.from_bytes(sha256d(head), "little") > s.targets[job_id]:
            return [23, "Low difficulty share", None]
        self.versions.add(bits)
        self.extranonces.add(en2)
        return None

    # the protocol
    def configure(self, s, params):
        answer = {}
        for name in params[0]:
            answer[name] = True
        if "version-rolling" in answer:
            wanted = int(params[1].get("version-rolling.mask", "ffffffff"), 16)
            s.mask = wanted & self.mask
            answer["version-rolling.mask"] = "%08x" % s.mask
        return answer

    def handle(self, s, m):
        method, params, rid = m.get("method"), m.get("params"), m.get("id")
        result, error, after = None, None, None
        if method == "mining.configure":
            result = self.configure(s, params)
        elif method == "mining.subscribe":
            sid = s.extranonce1.hex() + "aa"
            self.resumes.append(params[1] if len(params) > 1 else None)
            result = [[["mining.set_difficulty", sid], ["mining.notify", sid]],
                      s.extranonce1.hex(), self.extranonce2_size]
        elif method == "mining.authorize":
            if self.refuse:
                result, error = False, [24, self.refuse, None]
            else:
                s.login, result, after = params[0], True, self.welcome
        elif method == "mining.submit":
            error = self.judge(s, params)
            result = True if error is None else None
            self.counts["accepted" if error is None else "rejected"] += 1
            if error:
                self.reasons[error[0]] = self.reasons.get(error[0], 0) + 1
        elif method in ("mining.suggest_difficulty", "mining.extranonce.subscribe"):
            result = True
        else:
            error = [-3, "Method not found", None]
        s.send({"id": rid, "result": result, "error": error})
        if after:
            after(s)

    def welcome(self, s):
        s.set_difficulty(s.difficulty)
        self.sessions.add(s)
        s.notify(self.job, True)

    async def serve(self, reader, writer):
        self.counts["connects"] += 1
        s = Session(self, writer, self.counts["connects"])
        try:
            while line := await reader.readline():
                self.counts["lines"] += 1
                self.handle(s, json.loads(line))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.sessions.discard(s)
            writer.close()

    def drop_all(self):
        for s in list(self.sessions):
            s.writer.close()

    # running
    async def listen(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.port,
                                            ssl=self.ssl, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def start(self):
        ready = threading.Event()

        def run():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            server = self.loop.run_until_complete(self.listen())
            ready.set()
            self.loop.run_forever()
            server.close()
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        ready.wait(10)
        return self

    def on_loop(self, f):
        self.loop.call_soon_threadsafe(f, self)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--difficulty", type=float, default=0.0001)
    p.add_argument("--block-every", type=float, default=0)
    a = p.parse_args()
    pool = FakePool(a.port, a.difficulty)
    server = await pool.listen()
    print(pool.port, flush=True)
    while a.block_every > 0:
        await asyncio.sleep(a.block_every)
        pool.new_job(clean=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
